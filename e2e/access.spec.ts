import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { accept, card, join, share } from "./page.ts";
import { type Made, Server } from "./server.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let s: Server;
let c: Made;
let idea: string;
test.beforeAll(async () => {
	s = await Server.start();
	c = await s.campaign({ settings: { moderation: "post", support_against: true } });
	const bo = await s.guest(c, "Bo", "firm", "Bakkerij Bo");
	const cas = await s.guest(c, "Cas");
	idea = await s.post(c, bo, "Bank in de zon", { themes: ["Groen", "Ontmoeten"], nodes: ["green_mobility"], need: "Ouderen willen onderweg zitten." });
	const other = await s.post(c, cas, "Iets grofs");
	await s.command(c, bo.token, "idea.report", { idea: other, reason: "Scheldwoord" });
	await s.command(c, cas.token, "support.set", { idea, value: 1 });
	const { comment } = await s.command(c, cas.token, "comment.post", { idea, kind: "question", text: "Wie onderhoudt die bank?" });
	await s.command(c, bo.token, "comment.post", { idea, kind: "expertise", text: "De buren.", reply_to: comment });
	await s.command(c, s.token, "idea.answer", { idea, status: "accepted", reason: "We beginnen in maart." });
	await s.command(c, s.token, "idea.moderate", { idea, action: "pin", reason: "" });
});
test.afterAll(() => s.close());

/** What axe finds that is serious or critical. */
async function check(page: Page, where: string): Promise<void> {
	await page.evaluate(axe);
	const found = await page.evaluate(async () => {
		const run = (window as unknown as { axe: { run: (d: Document, o: object) => Promise<{ violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } }).axe.run;
		const r = await run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
		return r.violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 4).map((n) => `${n.target.join(" ")}: ${n.failureSummary}`) }));
	});
	expect(found, where).toEqual([]);
}

/** Nothing to scroll sideways, and every target large enough. */
async function fits(page: Page, where: string): Promise<void> {
	const wide = await page.evaluate(() => {
		const limit = document.documentElement.clientWidth;
		return { page: document.documentElement.scrollWidth - limit, who: [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > limit + 1 && !e.closest(".hidden, [role=tablist], .skip")).slice(0, 3).map((e) => e.outerHTML.slice(0, 120)) };
	});
	expect(wide.page, `${where}: ${wide.who.join("\n")}`).toBeLessThanOrEqual(0);
	const small = await page.evaluate(() =>
		[...document.querySelectorAll<HTMLElement>("button, select, input:not([type=checkbox]):not([type=radio]), textarea, [role=tab], .choice, nav a, .btn")]
			.filter((e) => e.checkVisibility() && !e.closest(".hidden") && !e.matches(".hidden"))
			.map((e) => ({ what: e.outerHTML.slice(0, 100), r: e.getBoundingClientRect() }))
			.filter(({ r }) => r.width < 44 || r.height < 44)
			.map(({ what, r }) => `${Math.round(r.width)}x${Math.round(r.height)} ${what}`),
	);
	expect(small, where).toEqual([]);
}

async function insider(context: BrowserContext): Promise<Page> {
	const page = await context.newPage();
	await join(page, s, c, "Ana");
	return page;
}

/** Every screen and state: a name, and how to get there. */
const screens: [string, (context: BrowserContext) => Promise<Page>][] = [
	["start", async (x) => open(x, "/")],
	[
		"a wrong code",
		async (x) => {
			const page = await open(x, "/");
			await page.getByRole("button", { name: "Ga verder" }).click();
			return page;
		},
	],
	[
		"join",
		async (x) => {
			const page = await open(x, `/j/${c.code}`);
			await page.getByRole("radio", { name: "Onderneming" }).check();
			return page;
		},
	],
	["ideas", insider],
	[
		"nothing found",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("searchbox").fill("bestaat niet");
			await expect(page.getByText("Geen enkel idee past")).toBeVisible();
			return page;
		},
	],
	[
		"idea",
		async (x) => {
			const page = await insider(x);
			await page.goto(`${s.url}/c/${c.id}/idea/${idea}`);
			await page.getByRole("button", { name: "Steun, Bank in de zon" }).click();
			await page.getByRole("radio", { name: "Bezorgdheid" }).check();
			await page.getByRole("button", { name: "Plaats je reactie" }).click();
			return page;
		},
	],
	[
		"composer with what is wrong",
		async (x) => {
			const page = await insider(x);
			await page.getByRole("button", { name: "Deel een idee" }).click();
			await page.getByRole("button", { name: "Plaats je idee" }).click();
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
	[
		"my contributions",
		async (x) => {
			const page = await insider(x);
			await share(page, `Van mij ${Math.random()}`);
			await page.getByRole("link", { name: "Mijn bijdragen" }).click();
			return page;
		},
	],
	["signed out", async (x) => open(x, `/c/${c.id}`)],
	["organiser signed out", async (x) => open(x, "/organise")],
	["invitation", async (x) => open(x, new URL(await s.link(c, "facilitator")).pathname + new URL(await s.link(c, "facilitator")).hash)],
	[
		"campaigns",
		async (x) => {
			const page = await organiser(x);
			return page;
		},
	],
	[
		"the operator's page",
		async (x) => {
			const page = await organiser(x);
			await page.getByRole("link", { name: "De server" }).click();
			await expect(page.getByRole("table", { name: "Logs" })).toBeVisible();
			await page.getByRole("button", { name: "Pauzeer" }).click();
			return page;
		},
	],
	[
		"new campaign",
		async (x) => {
			const page = await organiser(x);
			await page.getByRole("button", { name: "Nieuwe campagne" }).click();
			return page;
		},
	],
	...["queue", "ideas", "people", "invite", "campaign"].map((tab): [string, (context: BrowserContext) => Promise<Page>] => [
		`console ${tab}`,
		async (x) => {
			const page = await organiser(x);
			await page.goto(`${s.url}/c/${c.id}/console#${tab}`);
			await expect(page.getByRole("tab", { selected: true })).toBeVisible();
			if (tab === "ideas") await page.getByText("Bank in de zon").click();
			if (tab === "people") await expect(page.getByText("Bakkerij Bo")).toBeVisible();
			return page;
		},
	]),
	[
		"screen",
		async (x) => {
			const page = await x.newPage();
			await accept(page, await s.link(c, "observer"), "");
			await expect(page.getByText("Bank in de zon")).toBeVisible();
			return page;
		},
	],
];

async function open(x: BrowserContext, path: string): Promise<Page> {
	const page = await x.newPage();
	await page.goto(s.url + path);
	await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
	return page;
}

async function organiser(x: BrowserContext): Promise<Page> {
	const page = await x.newPage();
	await page.goto(s.signIn());
	await page.getByRole("button", { name: "Meld me aan" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Mijn campagnes" })).toBeVisible();
	return page;
}

for (const [name, reach] of screens) {
	test(`${name}: nothing for axe to find, light and dark, and it fits in 320 pixels`, async ({ browser }) => {
		const x = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", bypassCSP: true });
		const page = await reach(x);
		for (const colorScheme of ["light", "dark"] as const) {
			await page.emulateMedia({ colorScheme });
			await check(page, `${name}, ${colorScheme}`);
		}
		await page.setViewportSize({ width: 320, height: 640 });
		await fits(page, `${name}, 320 px`);
		await check(page, `${name}, 320 px`);
		// Text spacing that people may set (WCAG 1.4.12), then text twice as large in a window of 640 pixels.
		await page.addStyleTag({ content: "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }" });
		await fits(page, `${name}, text spacing`);
		await page.setViewportSize({ width: 640, height: 800 });
		await page.addStyleTag({ content: "html { font-size: 200% !important; }" });
		const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
		expect(over, `${name}, 200 % text`).toBeLessThanOrEqual(0);
		await x.close();
	});
}

test("axe would find what is wrong", async ({ browser }) => {
	const x = await browser.newContext({ bypassCSP: true });
	const page = await insider(x);
	await page.evaluate(() => {
		document.querySelector("main")!.insertAdjacentHTML("beforeend", '<img src="/x.png"><p style="color:#bbb">bleek</p><button></button>');
	});
	await expect(check(page, "planted")).rejects.toThrow(/button-name[\s\S]*color-contrast[\s\S]*image-alt|color-contrast/);
	await x.close();
});

test("with the keyboard alone: join, read, support, comment, share, settings", async ({ browser }) => {
	const page = await (await browser.newContext()).newPage();
	await page.goto(`${s.url}/`);
	// Tab counts from the moment that there is a page to walk through.
	await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
	await page.keyboard.press("Tab");
	await expect(page.getByRole("link", { name: "Naar de inhoud" })).toBeFocused();
	await tabTo(page, "textbox", "Code");
	await page.keyboard.type(c.code);
	await page.keyboard.press("Enter");
	await expect(page.getByRole("heading", { level: 1, name: "Hoe maken we de straat" })).toBeVisible();
	await tabTo(page, "radio", "Burger");
	await page.keyboard.press("ArrowDown");
	await expect(page.getByRole("radio", { name: "Middenveld" })).toBeChecked();
	await tabTo(page, "textbox", "Je naam");
	await page.keyboard.type("Toets");
	await page.keyboard.press("Enter");
	await expect(page).toHaveURL(new RegExp(`/c/${c.id}$`));
	await tabTo(page, "button", "Steun, Bank in de zon");
	await page.keyboard.press("Space");
	await expect(page.getByRole("button", { name: "Steun, Bank in de zon" })).toHaveAttribute("aria-pressed", "true");
	await expect(page.getByRole("button", { name: "Steun, Bank in de zon" })).toBeFocused();
	await tabTo(page, "link", "Bank in de zon", true);
	await page.keyboard.press("Enter");
	await expect(page.getByRole("heading", { level: 1, name: "Bank in de zon" })).toBeFocused();
	await tabTo(page, "radio", "Ervaring");
	await page.keyboard.press("Space");
	await tabTo(page, "textbox", "Je reactie");
	await page.keyboard.type("Met het toetsenbord.");
	await tabTo(page, "button", "Plaats je reactie");
	await page.keyboard.press("Enter");
	await expect(page.getByRole("article").getByText("Met het toetsenbord.")).toBeVisible();
	await tabTo(page, "button", "Deel een idee");
	await page.keyboard.press("Enter");
	await expect(page.getByRole("textbox", { name: "Titel" })).toBeFocused();
	await page.keyboard.type("Met het toetsenbord gedeeld");
	await tabTo(page, "checkbox", "Dienst");
	await page.keyboard.press("Space");
	await tabTo(page, "button", "Plaats je idee");
	await page.keyboard.press("Enter");
	await expect(page.getByRole("dialog")).toHaveCount(0);
	await expect(page.getByRole("button", { name: "Deel een idee" })).toBeFocused();
	await tabTo(page, "button", "Instellingen");
	await page.keyboard.press("Enter");
	await expect(page.getByRole("dialog", { name: "Instellingen" })).toBeVisible();
	await page.keyboard.press("Escape");
	await expect(page.getByRole("button", { name: "Instellingen" })).toBeFocused();
	await tabTo(page, "link", "Ideeën", true);
	await page.keyboard.press("Enter");
	await expect(card(page, "Met het toetsenbord gedeeld")).toBeVisible();
});

test("with the keyboard alone: a facilitator approves and moves on", async ({ browser }) => {
	const mine = await s.campaign({ settings: { moderation: "pre" } });
	await s.post(mine, await s.guest(mine, "Bo"), "Wacht nog");
	const page = await (await browser.newContext()).newPage();
	await accept(page, await s.link(mine, "facilitator"));
	await expect(page.getByRole("tab", { name: "Wachtrij 1" })).toBeVisible();
	await tabTo(page, "tab", "Wachtrij");
	await page.keyboard.press("ArrowRight");
	await expect(page.getByRole("tab", { name: "Ideeën" })).toBeFocused();
	await page.keyboard.press("Home");
	await tabTo(page, "button", "Keur goed, Wacht nog");
	await page.keyboard.press("Enter");
	await expect(page.getByText("Niets wacht op nazicht.")).toBeVisible();
	await tabTo(page, "button", "Volgende: Verdiepen");
	await page.keyboard.press("Enter");
	await expect(page.getByText("Nu: Verdiepen.", { exact: true })).toBeVisible();
});

test("the focus is seen and never under a bar", async ({ browser }) => {
	const page = await (await browser.newContext({ viewport: { width: 390, height: 700 } })).newPage();
	await join(page, s, c, "Ana");
	for (let i = 0; i < 25; i++) {
		await page.keyboard.press("Tab");
		const state = await page.evaluate(() => {
			const e = document.activeElement!;
			if (e === document.body) return null;
			const r = e.getBoundingClientRect();
			const at = document.elementFromPoint(r.left + r.width / 2, r.top + Math.min(r.height / 2, 20));
			const outline = getComputedStyle(e).outlineStyle !== "none" || getComputedStyle(e.closest(".choice") ?? e).outlineStyle !== "none";
			return { what: e.outerHTML.slice(0, 90), covered: !(at && (e.contains(at) || at.contains(e))), outline };
		});
		if (!state) continue;
		expect(state, state.what).toMatchObject({ covered: false, outline: true });
	}
});

/** Presses Tab until the element has the focus; Shift+Tab after a while, so that what stands before is reached too. */
async function tabTo(page: Page, role: Parameters<Page["getByRole"]>[0], name: string, exact = false): Promise<void> {
	const target = page.getByRole(role, { name, exact }).first();
	await expect(target).toBeVisible();
	for (const key of ["Tab", "Shift+Tab"]) {
		for (let i = 0; i < 60; i++) {
			if (await target.evaluate((e) => e === document.activeElement)) return;
			await page.keyboard.press(key);
		}
	}
	throw new Error(`${role} ${name} is not reached with Tab`);
}
