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

test("two people in one campaign see each other's doings live", async ({ browser }) => {
	const ana = await (await browser.newContext()).newPage();
	const bo = await (await browser.newContext()).newPage();
	await join(ana, s, c, "Ana");
	await join(bo, s, c, "Bo", "Onderneming");
	await expect(ana.getByText("Er zijn nog geen ideeën.")).toBeVisible();
	await share(ana, "Bank in de zon", "Aan elke gevel een bank.");
	await expect(card(ana, "Bank in de zon")).toHaveCount(1);
	// The first idea of an empty list comes by itself; the next one waits behind the pill.
	await expect(card(bo, "Bank in de zon")).toBeVisible();
	await share(ana, "Speelstraat op woensdag");
	const pill = bo.getByRole("button", { name: "1 nieuw idee" });
	await expect(pill).toBeVisible();
	await expect(card(bo, "Speelstraat op woensdag")).toHaveCount(0);
	await pill.click();
	await expect(card(bo, "Speelstraat op woensdag")).toBeVisible();

	const button = card(bo, "Bank in de zon").getByRole("button", { name: "Steun, Bank in de zon" });
	await button.click();
	await expect(button).toHaveAttribute("aria-pressed", "true");
	await expect(card(ana, "Bank in de zon")).toContainText("1 persoon steunt dit idee");
	await expect(card(bo, "Bank in de zon")).not.toContainText("Wordt verstuurd");
	await expect(card(bo, "Bank in de zon")).toContainText("1 persoon steunt dit idee");

	await card(bo, "Bank in de zon").getByRole("link", { name: "Bank in de zon", exact: true }).click();
	await expect(bo.getByRole("heading", { level: 1, name: "Bank in de zon" })).toBeFocused();
	await bo.getByRole("radio", { name: "Vraag" }).check();
	await bo.getByRole("textbox", { name: "Je reactie" }).fill("Wie onderhoudt die bank?");
	await bo.getByRole("button", { name: "Plaats je reactie" }).click();
	await expect(bo.getByRole("article").getByText("Wie onderhoudt die bank?")).toBeVisible();
	await expect(card(ana, "Bank in de zon").getByRole("link", { name: "1 reactie op Bank in de zon" })).toBeVisible();
	await card(ana, "Bank in de zon").getByRole("link", { name: "1 reactie op Bank in de zon" }).click();
	await ana.getByRole("button", { name: "Antwoord, Wie onderhoudt die bank?" }).click();
	const reply = ana.getByRole("form", { name: "Antwoord" });
	await reply.getByRole("textbox", { name: "Je reactie" }).fill("De buren, om beurten.");
	await reply.getByRole("button", { name: "Plaats je reactie" }).click();
	await expect(bo.getByText("De buren, om beurten.")).toBeVisible();
	await expect(bo.getByRole("list", { name: "Antwoorden" })).toContainText("De buren, om beurten.");

	const [bank] = (await s.exported(c)).filter((i) => i.title === "Bank in de zon");
	expect(bank!.support.total).toBe(1);
	expect(bank!.comments.map((x) => x.text).sort()).toEqual(["De buren, om beurten.", "Wie onderhoudt die bank?"]);
});

test("the code is taken in any spelling; a wrong one is told", async ({ page }) => {
	await page.goto(s.url);
	await page.getByRole("textbox", { name: "Code" }).fill("zzzzzz");
	await page.getByRole("button", { name: "Ga verder" }).click();
	await expect(page.getByText("Deze code kennen we niet.").first()).toBeVisible();
	await page.getByRole("textbox", { name: "Code" }).fill(` ${c.code.slice(0, 3).toLowerCase()}-${c.code.slice(3)} `);
	await page.getByRole("button", { name: "Ga verder" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Hoe maken we de straat weer van iedereen?" })).toBeVisible();
	await page.getByRole("button", { name: "Doe mee" }).click();
	await expect(page).toHaveURL(new RegExp(`/c/${c.id}$`));
	await page.goto(`${s.url}/j/${c.code}`);
	await expect(page.getByText("Je doet al mee aan deze campagne")).toBeVisible();
	await page.getByRole("button", { name: "Naar de ideeën" }).click();
	await expect(page.getByRole("button", { name: "Deel een idee" })).toBeVisible();
});

test("one's own: change it, see its status, rename oneself, withdraw, leave", async ({ page }) => {
	await join(page, s, c, "Ana");
	await share(page, "Bank in de zon");
	await page.getByRole("link", { name: "Mijn bijdragen" }).click();
	await expect(card(page, "Bank in de zon")).toContainText("Geplaatst");
	await card(page, "Bank in de zon").getByRole("link", { name: "Bank in de zon", exact: true }).click();
	await page.getByRole("button", { name: "Bewerk" }).click();
	const sheet = page.getByRole("dialog", { name: "Bewerk je idee" });
	await sheet.getByRole("textbox", { name: "Titel" }).fill("Bank in de schaduw");
	await sheet.getByRole("button", { name: "Bewaar" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "Bank in de schaduw" })).toBeVisible();

	await page.getByRole("button", { name: "Instellingen" }).click();
	await page.getByRole("textbox", { name: "Je naam in deze campagne" }).fill("Anaïs");
	await page.getByRole("button", { name: "Bewaar je naam" }).click();
	await page.getByRole("button", { name: "Sluiten" }).click();
	await expect(page.getByText("Anaïs").first()).toBeVisible();

	await page.getByRole("button", { name: "Trek in" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Trek in" }).click();
	await expect(page.getByText("Ingetrokken")).toBeVisible();

	await page.getByRole("button", { name: "Instellingen" }).click();
	await page.getByRole("button", { name: "Stop en wis mijn gegevens" }).click();
	await page.getByRole("button", { name: "Wis alles" }).click();
	await expect(page).toHaveURL(`${s.url}/`);
	await page.goto(`${s.url}/c/${c.id}`);
	await expect(page.getByRole("textbox", { name: "Code" })).toBeVisible();
});

test("with review before posting, others see nothing until it is approved", async ({ browser }) => {
	const pre = await s.campaign({ settings: { moderation: "pre" } });
	const ana = await (await browser.newContext()).newPage();
	const bo = await (await browser.newContext()).newPage();
	const bea = await (await browser.newContext()).newPage();
	const zaal = await (await browser.newContext()).newPage();
	await join(ana, s, pre, "Ana");
	await join(bo, s, pre, "Bo");
	await accept(bea, await s.link(pre, "facilitator"));
	await expect(bea.getByRole("heading", { level: 1, name: "Begeleiden" })).toBeVisible();
	await accept(zaal, await s.link(pre, "observer"), "Zaal");
	await expect(zaal.getByText("Nog geen ideeën.")).toBeVisible();

	await share(ana, "Bank in de zon");
	await share(ana, "Hier hoort reclame");
	await expect(card(ana, "Bank in de zon")).toContainText("Wacht op nazicht");
	await expect(bea.getByRole("tab", { name: "Wachtrij 2" })).toBeVisible();
	await expect(bo.getByText("Bank in de zon")).toHaveCount(0);
	await expect(zaal.getByText("Bank in de zon")).toHaveCount(0);

	await bea.getByRole("button", { name: "Keur goed, Bank in de zon" }).click();
	await expect(card(bo, "Bank in de zon")).toBeVisible();
	await expect(zaal.getByText("Bank in de zon")).toBeVisible();
	await expect(card(ana, "Bank in de zon")).not.toContainText("Wacht op nazicht");

	await bea.getByRole("button", { name: "Keur af, Hier hoort reclame" }).click();
	const ask = bea.getByRole("dialog", { name: "Keur af" });
	await ask.getByRole("button", { name: "Keur af" }).click();
	await expect(ask.getByText("Geef een reden; de schrijver leest ze.")).toBeVisible();
	await ask.getByRole("textbox", { name: "Reden" }).fill("Dit is reclame.");
	await ask.getByRole("button", { name: "Keur af" }).click();
	await ana.getByRole("link", { name: "Mijn bijdragen" }).click();
	await expect(card(ana, "Hier hoort reclame")).toContainText("Niet geplaatst");
	await expect(card(ana, "Hier hoort reclame")).toContainText("Dit is reclame.");
	await expect(bea.getByText("Niets wacht op nazicht.")).toBeVisible();
});

test("names and texts full of script, bidi and emoji stay text", async ({ browser }) => {
	const guest = await s.guest(c, "<img src=x onerror=alert(1)>");
	const evil = `<script>alert(1)</script>"'><svg onload=alert(2)> 👩‍👩‍👧 مرحبا`;
	await s.post(c, guest, evil, { text: `${evil}\njavascript:alert(3)`, need: evil });
	const page = await (await browser.newContext()).newPage();
	const dialogs: string[] = [];
	page.on("dialog", (d) => {
		dialogs.push(d.message());
		void d.dismiss();
	});
	const complaints: string[] = [];
	page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
	await join(page, s, c, "Ana");
	await page.getByRole("link", { name: evil, exact: true }).click();
	await expect(page.getByRole("heading", { level: 1 })).toHaveText(evil);
	await expect(page.getByText("<img src=x onerror=alert(1)>").first()).toBeVisible();
	expect(dialogs).toEqual([]);
	expect(complaints.filter((x) => /Content Security|Trusted/.test(x))).toEqual([]);
});

test("search, filter and order", async ({ page }) => {
	const g = await s.guest(c, "Bo");
	await s.post(c, g, "Bomen in de straat", { themes: ["Groen"], nodes: ["green_mobility"] });
	await s.post(c, g, "Café op het plein", { themes: ["Ontmoeten"] });
	const loved = await s.post(c, g, "Schommels", { themes: ["Spelen"] });
	await s.command(c, (await s.guest(c, "Cas")).token, "support.set", { idea: loved, value: 1 });
	await s.post(c, g, "Nieuwste idee");
	await join(page, s, c, "Ana");
	const titles = page.getByRole("list").getByRole("heading", { level: 3 });
	await expect(titles).toHaveText(["Nieuwste idee", "Schommels", "Café op het plein", "Bomen in de straat"]);
	await page.getByRole("combobox", { name: "Volgorde" }).selectOption({ label: "Meeste stemmen" });
	await expect(titles.first()).toHaveText("Schommels");
	await page.getByRole("searchbox", { name: "Zoek in de ideeën" }).fill("cafe");
	await expect(titles).toHaveText(["Café op het plein"]);
	await page.getByRole("searchbox", { name: "Zoek in de ideeën" }).fill("");
	await page.getByRole("combobox", { name: "Thema" }).selectOption("Groen");
	await expect(titles).toHaveText(["Bomen in de straat"]);
	await page.getByRole("combobox", { name: "Innovatieknooppunt" }).selectOption({ label: "Sociale innovatie" });
	await expect(page.getByText("Geen enkel idee past bij wat je zoekt.")).toBeVisible();
	await page.getByRole("button", { name: "Toon alle ideeën" }).click();
	await expect(titles).toHaveCount(4);
});

test("no page breaks its own rules: nothing in the console, nothing from elsewhere", async ({ browser }) => {
	const x = await browser.newContext();
	const complaints: string[] = [];
	const hosts = new Set<string>();
	x.on("console", (m) => ["error", "warning"].includes(m.type()) && complaints.push(`${m.page()?.url()}: ${m.text()}`));
	x.on("weberror", (e) => complaints.push(e.error().message));
	x.on("request", (r) => hosts.add(new URL(r.url()).host));
	const page = await x.newPage();
	await join(page, s, c, "Ana");
	await share(page, "Bank in de zon");
	await page.getByRole("link", { name: "Bank in de zon", exact: true }).click();
	await page.getByRole("button", { name: "Instellingen" }).click();
	await page.getByRole("radio", { name: "Donker" }).check();
	for (const where of ["/", `/j/${c.code}`, `/c/${c.id}`, `/c/${c.id}/mine`, `/c/${c.id}/screen`, `/c/${c.id}/console`, "/signin", "/invite"]) {
		await page.goto(s.url + where);
		await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
		if (!where.endsWith("/screen")) await expect(page.locator("html")).toHaveAttribute("data-theme", "dark"); // the screen has its own switch
	}
	expect(complaints).toEqual([]);
	expect([...hosts]).toEqual([new URL(s.url).host]);
});

test("English on wish, and remembered", async ({ page }) => {
	await join(page, s, c, "Ana");
	await page.getByRole("button", { name: "Instellingen" }).click();
	await page.getByRole("combobox", { name: "Taal" }).selectOption("en");
	await page.getByRole("button", { name: "Close" }).click();
	await expect(page.getByRole("button", { name: "Share an idea" })).toBeVisible();
	await expect(page.locator("html")).toHaveAttribute("lang", "en");
	await page.reload();
	await expect(page.getByRole("button", { name: "Share an idea" })).toBeVisible();
});
