import { mkdirSync, readFileSync } from "node:fs";
import { join as path } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { accept } from "./page.ts";
import { type Made, Server } from "./server.ts";

const out = path(import.meta.dirname, "..", "pictures");
const sizes = [
	[390, 844],
	[768, 1024],
	[1440, 900],
] as const;

let s: Server;
let c: Made;
test.beforeAll(async () => {
	mkdirSync(out, { recursive: true });
	s = await Server.start("127.0.0.1", "demo");
	const { campaigns } = await s.call<{ campaigns: Made[] }>("GET", "/campaigns");
	c = campaigns[0]!;
	const people = [];
	for (const name of ["Nele", "Bram", "Samira"]) people.push(await s.guest(c, name));
	const ideas = (await s.call<{ ideas: { id: string }[] }>("GET", `/campaigns/${c.id}`)).ideas;
	await s.command(c, people[0]!.token, "idea.report", { idea: ideas[4]!.id, reason: "Staat hier twee keer." });
	await s.command(c, s.token, "idea.answer", { idea: ideas[0]!.id, status: "accepted", reason: "De dienst Wonen start in maart met een proef in twee wijken." });
	await s.command(c, s.token, "idea.moderate", { idea: ideas[0]!.id, action: "pin", reason: "" });
	await s.command(c, s.token, "campaign.edit", { settings: { moderation: "pre" } });
	await s.post(c, people[1]!, "Regenton voor elke rij huizen", { text: "Eén grote ton achter de huizen, met een kraantje op straat voor de geveltuinen.", themes: ["Openbare ruimte"], need: "Water voor planten in droge zomers." });
	await s.post(c, people[2]!, "Huiswerkklas in de wachtzaal", { text: "De wachtzaal van het station staat na vijf uur leeg. Studenten helpen er kinderen met hun huiswerk.", themes: ["Taal en onderwijs"] });
	await s.command(c, people[0]!.token, "comment.post", { idea: ideas[0]!.id, kind: "concern", text: "Blijft het betaalbaar als de eigenaar wisselt?" });
	await s.call("POST", "/campaigns", { title: "Buurtbudget Vaartkant", template: "campaign", languages: ["nl"] });
});
test.afterAll(() => s.close());

async function insider(x: BrowserContext): Promise<Page> {
	const page = await x.newPage();
	await page.goto(`${s.url}/j/${c.code}`);
	await page.getByRole("textbox", { name: "Je naam" }).fill("Ana");
	await page.getByRole("button", { name: "Doe mee" }).click();
	await expect(page.getByRole("button", { name: "Deel een idee" })).toBeVisible();
	return page;
}

async function organiser(x: BrowserContext): Promise<Page> {
	const page = await x.newPage();
	await page.goto(s.signIn());
	await page.getByRole("button", { name: "Meld me aan" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Mijn campagnes" })).toBeVisible();
	return page;
}

async function open(x: BrowserContext, where: string): Promise<Page> {
	const page = await x.newPage();
	await page.goto(s.url + where);
	await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
	return page;
}

const screens: [string, (x: BrowserContext) => Promise<Page>][] = [
	["start", (x) => open(x, "/")],
	["join", (x) => open(x, `/j/${c.code}`)],
	["ideas", insider],
	[
		"ideas-scrolled",
		async (x) => {
			const page = await insider(x);
			const titles = page.getByRole("list").getByRole("heading", { level: 3 });
			await page.getByRole("button", { name: /^Steun, / }).nth(1).click();
			await titles.nth(1).scrollIntoViewIfNeeded();
			await page.mouse.wheel(0, 500);
			await page.waitForTimeout(300);
			return page;
		},
	],
	[
		"idea",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("list").getByRole("heading", { level: 3 }).first().getByRole("link").click();
			return page;
		},
	],
	[
		"idea-comments",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("list").getByRole("heading", { level: 3 }).first().getByRole("link").click();
			await page.getByRole("radio", { name: "Ervaring" }).check();
			await page.getByRole("textbox", { name: "Je reactie" }).fill("Bij ons in de straat werkt zoiets al twee jaar.");
			await page.getByRole("heading", { level: 2, name: /reacties?$/ }).scrollIntoViewIfNeeded();
			await page.mouse.wheel(0, 400);
			await page.waitForTimeout(300);
			return page;
		},
	],
	[
		"composer",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("button", { name: "Deel een idee" }).click();
			await page.getByRole("textbox", { name: "Titel" }).fill("Een bank aan elke halte");
			return page;
		},
	],
	[
		"composer-wrong",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("button", { name: "Deel een idee" }).click();
			await page.getByRole("textbox", { name: "Titel" }).fill("Een bank aan elke halte");
			await page.getByRole("button", { name: "Plaats je idee" }).click();
			await page.waitForTimeout(300);
			return page;
		},
	],
	[
		"mine",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("button", { name: "Deel een idee" }).click();
			await page.getByRole("textbox", { name: "Titel" }).fill("Een bank aan elke halte");
			await page.getByRole("textbox", { name: "Je idee" }).fill("Wie slecht te been is, wacht nu rechtstaand.");
			await page.getByRole("checkbox", { name: "Dienst" }).check();
			await page.getByRole("button", { name: "Plaats je idee" }).click();
			await expect(page.getByRole("dialog")).toHaveCount(0);
			await page.getByRole("link", { name: "Mijn bijdragen" }).click();
			return page;
		},
	],
	[
		"offline",
		async (x) => {
			const page = await insider(x);
			await x.setOffline(true);
			await page.getByRole("button", { name: "Deel een idee" }).click();
			await page.getByRole("textbox", { name: "Titel" }).fill("Geschreven in de tunnel");
			await page.getByRole("checkbox", { name: "Product" }).check();
			await page.getByRole("button", { name: "Plaats je idee" }).click();
			await expect(page.getByRole("dialog")).toHaveCount(0);
			await page.waitForTimeout(3500);
			return page;
		},
	],
	[
		"settings",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("button", { name: "Instellingen" }).click();
			return page;
		},
	],
	["signed-out", (x) => open(x, `/c/${c.id}`)],
	["sign-in", async (x) => open(x, s.signIn().slice(s.url.length))],
	["invitation", async (x) => open(x, (await s.link(c, "facilitator")).slice(s.url.length))],
	["campaigns", organiser],
	[
		"server",
		async (x) => {
			const page = await organiser(x);
			await page.getByRole("link", { name: "De server" }).click();
			await expect(page.getByRole("table", { name: "Logs" })).toBeVisible();
			return page;
		},
	],
	[
		"new-campaign",
		async (x) => {
			const page = await organiser(x);
			await page.getByRole("button", { name: "Nieuwe campagne" }).click();
			return page;
		},
	],
	...["queue", "ideas", "people", "invite", "campaign"].map((tab): [string, (x: BrowserContext) => Promise<Page>] => [
		`console-${tab}`,
		async (x) => {
			const page = await organiser(x);
			await page.goto(`${s.url}/c/${c.id}/console#${tab}`);
			await expect(page.getByRole("tab", { selected: true })).toBeVisible();
			if (tab === "ideas") await page.locator("summary").nth(1).click();
			if (tab === "people") await expect(page.getByRole("button", { name: /^Verwijder/ }).first()).toBeVisible();
			return page;
		},
	]),
	[
		"screen",
		async (x) => {
			const page = await x.newPage();
			await accept(page, await s.link(c, "observer"), "");
			await expect(page.getByRole("region", { name: "Ideeën met de meeste steun" }).getByRole("listitem")).toHaveCount(7);
			return page;
		},
	],
];

for (const [name, reach] of screens) {
	test(`${name}`, async ({ browser }) => {
		const x = await browser.newContext({ viewport: { width: 390, height: 844 }, reducedMotion: "reduce" });
		const page = await reach(x);
		for (const [width, height] of sizes) {
			await page.setViewportSize({ width, height });
			for (const colorScheme of ["light", "dark"] as const) {
				await page.emulateMedia({ colorScheme });
				await page.waitForTimeout(150);
				await page.screenshot({ path: path(out, `${name}-${width}-${colorScheme}.png`) });
			}
		}
		await x.close();
	});
}

// The picture of the README: the room's screen, and a phone in front of it.
test("readme", async ({ browser }) => {
	const x = await browser.newContext({ viewport: { width: 1000, height: 600 }, deviceScaleFactor: 0.9 });
	const page = await x.newPage();
	const data = (name: string) => `data:image/png;base64,${readFileSync(path(out, name)).toString("base64")}`;
	await page.setContent(`<body style="margin:0;background:#EFF3EE">
		<img src="${data("screen-1440-light.png")}" style="position:absolute;left:24px;top:82px;width:700px;border-radius:10px;border:1px solid #D2DBD4">
		<img src="${data("ideas-390-light.png")}" style="position:absolute;right:24px;bottom:40px;height:510px;border-radius:22px;border:7px solid #16231C"></body>`);
	await page.waitForFunction(() => [...document.images].every((i) => i.complete && i.naturalWidth > 0));
	mkdirSync(path(import.meta.dirname, "..", "docs", "images"), { recursive: true });
	await page.screenshot({ path: path(import.meta.dirname, "..", "docs", "images", "kiem.png") });
	await x.close();
});
