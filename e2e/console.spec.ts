import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { accept, card, join, share } from "./page.ts";
import { type Made, Server } from "./server.ts";

let s: Server;
let c: Made;
test.beforeAll(async () => {
	s = await Server.start();
});
test.afterAll(() => s.close());
test.beforeEach(async () => {
	c = await s.campaign();
});

test("an organiser signs in by a link, makes a campaign, opens it, answers an idea and takes it home", async ({ browser }) => {
	const page = await (await browser.newContext({ acceptDownloads: true })).newPage();
	const link = s.signIn();
	await page.goto(link);
	await expect(page).toHaveURL(`${s.url}/signin`); // the secret leaves the address
	await page.getByRole("button", { name: "Meld me aan" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Mijn campagnes" })).toBeVisible();
	await page.getByRole("button", { name: "Nieuwe campagne" }).click();
	const sheet = page.getByRole("dialog", { name: "Nieuwe campagne" });
	await sheet.getByRole("button", { name: "Maak de campagne" }).click();
	await expect(sheet.getByText("Geef de campagne een naam.")).toBeVisible();
	await sheet.getByRole("textbox", { name: "Naam van de campagne" }).fill("Buurtbudget Vaartkant");
	await sheet.getByRole("textbox", { name: "De vraag" }).fill("Waar maken we plaats?");
	await sheet.getByRole("textbox", { name: "Thema's" }).fill("Groen\nSpelen");
	await sheet.getByRole("button", { name: "Maak de campagne" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Begeleiden" })).toBeVisible();
	await expect(page.getByText("De campagne is nog niet open.")).toBeVisible();
	// Without an explanation it cannot open, and says so.
	await page.getByRole("button", { name: "Volgende: Delen" }).click();
	await expect(page.getByText("Schrijf eerst uitleg bij de vraag").first()).toBeVisible();
	await page.getByRole("tab", { name: "Campagne" }).click();
	await page.getByRole("textbox", { name: "Uitleg" }).fill("Langs de vaart komt 200 m² vrij.");
	await page.getByRole("radio", { name: "Nadat een begeleider" }).check();
	await page.getByRole("button", { name: "Bewaar" }).click();
	await expect(page.getByText("De campagne is bewaard.")).toBeAttached();
	await page.getByRole("button", { name: "Volgende: Delen" }).click();
	await expect(page.getByText("Nu: Delen.", { exact: true })).toBeVisible();

	await page.getByRole("tab", { name: "Uitnodigen" }).click();
	const address = await page.getByRole("textbox", { name: "Adres om mee te doen" }).inputValue();
	await expect(page.getByRole("img", { name: "QR-code met het adres om mee te doen" })).toBeVisible();
	const ana = await (await browser.newContext()).newPage();
	await ana.goto(`${address}?k=affiche`);
	await expect(ana.getByRole("heading", { level: 1, name: "Waar maken we plaats?" })).toBeVisible();
	await ana.getByRole("button", { name: "Doe mee" }).click();
	await share(ana, "Een pluktuin");

	await page.getByRole("tab", { name: "Wachtrij 1" }).click();
	await page.getByRole("button", { name: "Keur goed, Een pluktuin" }).click();
	await expect(page.getByText("Niets wacht op nazicht.")).toBeVisible();
	await page.getByRole("tab", { name: "Ideeën" }).click();
	await page.getByText("Een pluktuin").click();
	await page.getByRole("button", { name: "Antwoord geven, Een pluktuin" }).click();
	const answer = page.getByRole("dialog", { name: "Antwoord van de organisator" });
	await answer.getByRole("radio", { name: "Aanvaard" }).check();
	await answer.getByRole("textbox", { name: "Waarom?" }).fill("We beginnen in maart.");
	await answer.getByRole("button", { name: "Plaats het antwoord" }).click();
	await expect(card(ana, "Een pluktuin")).toContainText("Aanvaard");
	await card(ana, "Een pluktuin").getByRole("link", { name: "Een pluktuin", exact: true }).click();
	await expect(ana.getByText("We beginnen in maart.")).toBeVisible();

	await page.getByRole("tab", { name: "Campagne" }).click();
	const [book] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Bestand ophalen" }).click()]);
	expect(readFileSync(await book.path()).subarray(0, 2).toString()).toBe("PK"); // a workbook is a zip
	await page.getByLabel("Vorm").selectOption("json");
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Bestand ophalen" }).click()]);
	const file = JSON.parse(readFileSync(await download.path(), "utf8"));
	expect(file.ideas.map((i: { title: string }) => i.title)).toEqual(["Een pluktuin"]);
	expect(file.head).toMatch(/^[0-9a-f]+$/);

	await page.goto(`${s.url}/organise`);
	await expect(page.getByRole("row", { name: /Buurtbudget Vaartkant/ })).toContainText("Delen");
	await page.getByRole("button", { name: "Afmelden" }).click();
	await expect(page).toHaveURL(`${s.url}/`);
	await page.goto(`${s.url}/organise`);
	await expect(page.getByText("Je bent niet aangemeld")).toBeVisible();
	// The link worked once.
	await page.goto(link);
	await page.getByRole("button", { name: "Meld me aan" }).click();
	await expect(page.getByText("Deze link is al gebruikt").first()).toBeVisible();
});

test("a facilitator runs the room: stage, reports, hiding, pinning, closing comments", async ({ browser }) => {
	const bo = await s.guest(c, "Bo", "firm", "Bakkerij Bo");
	await s.post(c, bo, "Bank in de zon");
	const rude = await s.post(c, bo, "Iets grofs");
	await s.command(c, (await s.guest(c, "Cas")).token, "idea.report", { idea: rude, reason: "Scheldwoord" });
	const page = await (await browser.newContext()).newPage();
	const ana = await (await browser.newContext()).newPage();
	await join(ana, s, c, "Ana");
	await accept(page, await s.link(c, "facilitator"));
	await page.getByRole("tab", { name: "Wachtrij 1" }).click();
	await expect(page.getByText("1 melding")).toBeVisible();
	await page.getByRole("button", { name: "Verberg, Iets grofs" }).click();
	await page.getByRole("dialog", { name: "Verberg" }).getByRole("button", { name: "Verberg" }).click();
	await expect(ana.getByText("Dit idee is weggehaald.")).toBeVisible();
	await expect(ana.getByText("Iets grofs")).toHaveCount(0);

	await page.getByRole("tab", { name: "Ideeën" }).click();
	await page.getByRole("combobox", { name: "Status" }).selectOption({ label: "Verborgen door een begeleider" });
	await page.getByText("Iets grofs").click();
	await page.getByRole("button", { name: "Herstel, Iets grofs" }).click();
	await page.getByRole("combobox", { name: "Status" }).selectOption({ label: "Alle" });
	await page.getByText("Bank in de zon").click();
	await page.getByRole("button", { name: "Zet vast, Bank in de zon" }).click();
	await expect(card(ana, "Bank in de zon")).toContainText("Vastgezet");
	await page.getByRole("button", { name: "Sluit reacties, Bank in de zon" }).click();
	await card(ana, "Bank in de zon").getByRole("link", { name: "Bank in de zon", exact: true }).click();
	await expect(ana.getByText("Een begeleider heeft dit idee gesloten voor reacties.")).toBeVisible();
	await expect(page.getByRole("button", { name: "Antwoord geven, Bank in de zon" })).toHaveCount(0); // the organiser's

	await page.getByRole("button", { name: "Volgende: Verdiepen" }).click();
	await expect(ana.getByRole("alert")).toHaveText("De fase is nu: Verdiepen.");
	await expect(ana.getByRole("button", { name: "Deel een idee" })).toHaveCount(0);
	await page.getByRole("button", { name: "Vorige: Delen" }).click();
	await expect(ana.getByRole("button", { name: "Deel een idee" })).toBeVisible();
});

test("participants: a new name, silence, another role, removal", async ({ browser }) => {
	const ana = await (await browser.newContext()).newPage();
	await join(ana, s, c, "Ana");
	await share(ana, "Bank in de zon");
	const page = await (await browser.newContext()).newPage();
	await page.goto(s.signIn());
	await page.getByRole("button", { name: "Meld me aan" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Mijn campagnes" })).toBeVisible();
	await page.goto(`${s.url}/c/${c.id}/console#people`);
	await page.getByRole("button", { name: "Hernoem, Ana" }).click();
	const sheet = page.getByRole("dialog", { name: "Hernoem Ana" });
	await sheet.getByRole("textbox", { name: "Nieuwe naam" }).fill("Anna");
	await sheet.getByRole("button", { name: "Bewaar de naam" }).click();
	await expect(card(ana, "Bank in de zon")).toContainText("Anna");
	await page.getByRole("button", { name: "Leg het zwijgen op, Anna" }).click();
	await expect(page.getByText("Zwijgt", { exact: true })).toBeVisible();
	await share(ana, "Toch nog iets").catch(() => {});
	expect((await s.exported(c)).map((i) => i.title)).toEqual(["Bank in de zon"]);
	await page.getByRole("button", { name: "Laat weer spreken, Anna" }).click();
	await expect(page.getByText("Zwijgt", { exact: true })).toHaveCount(0);
	await page.getByRole("combobox", { name: "Rol van Anna" }).selectOption({ label: "Begeleider" });
	await expect(ana.getByRole("link", { name: "Begeleiden" })).toBeVisible();
	await page.getByRole("combobox", { name: "Rol van Anna" }).selectOption({ label: "Deelnemer" });
	await expect(ana.getByRole("link", { name: "Begeleiden" })).toHaveCount(0);
	await page.getByRole("button", { name: "Verwijder, Anna" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Verwijder" }).click();
	await expect(ana.getByText("Een begeleider heeft je uit deze campagne gehaald.").first()).toBeVisible();
});

test("the screen follows: ranking, stage, number of people; it keeps its picture through a cut", async ({ browser }) => {
	const bo = await s.guest(c, "Bo");
	const ids = [];
	for (let n = 1; n <= 9; n++) ids.push(await s.post(c, bo, `Idee nummer ${n}`));
	const page = await (await browser.newContext({ viewport: { width: 1920, height: 1080 } })).newPage();
	await accept(page, await s.link(c, "observer"), "");
	const places = page.getByRole("region", { name: "Ideeën met de meeste steun" }).getByRole("listitem");
	await expect(places).toHaveCount(7);
	await s.command(c, (await s.guest(c, "Cas")).token, "support.set", { idea: ids[8]!, value: 1 });
	await expect(places.first()).toContainText("Idee nummer 9");
	await expect(page.getByText(`${c.code.slice(0, 3)} ${c.code.slice(3)}`)).toBeVisible();
	await expect(page.getByRole("img", { name: "QR-code met het adres om mee te doen" })).toBeVisible();
	expect(await page.getByRole("img", { name: "QR-code" }).evaluate((i: HTMLImageElement) => i.naturalWidth)).toBeGreaterThan(0);
	const sizes = await page.evaluate(() => {
		const all = [...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent?.trim()) && !e.closest("button, .hidden"));
		return { least: Math.min(...all.map((e) => Number.parseFloat(getComputedStyle(e).fontSize))), title: Number.parseFloat(getComputedStyle(document.querySelector("h1")!).fontSize) };
	});
	expect(sizes.title).toBeGreaterThanOrEqual(72);
	expect(sizes.least).toBeGreaterThanOrEqual(28);
	await s.command(c, s.token, "stage.set", { stage: "vote" });
	await expect(page.getByRole("listitem").filter({ hasText: "Stemmen" })).toHaveAttribute("aria-current", "step");
	await s.end("SIGKILL");
	await expect(page.getByText("Opnieuw verbinden…")).toBeVisible();
	await expect(places.first()).toContainText("Idee nummer 9");
	await s.run();
	await expect(page.getByText("Opnieuw verbinden…")).toHaveCount(0, { timeout: 30_000 });
	await expect(places).toHaveCount(7);
});

test("the console is for facilitators only, and so is what it would show", async ({ browser }) => {
	const page = await (await browser.newContext()).newPage();
	await join(page, s, c, "Ana");
	await page.goto(`${s.url}/c/${c.id}/console`);
	await expect(page.getByRole("heading", { level: 1, name: "Je bent hier geen begeleider" })).toBeVisible();
	await page.goto(`${s.url}/c/00000000-0000-7000-8000-000000000000`);
	await expect(page.getByRole("heading", { level: 1, name: "Deze campagne vinden we niet" })).toBeVisible();
	const stranger = await (await browser.newContext()).newPage();
	await stranger.goto(`${s.url}/c/${c.id}/console`);
	await expect(stranger.getByRole("heading", { level: 1, name: "Je bent niet aangemeld" })).toBeVisible();
});
