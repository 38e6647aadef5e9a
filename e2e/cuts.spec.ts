import { expect, test } from "@playwright/test";
import { card, join, share } from "./page.ts";
import { type Made, Server } from "./server.ts";

let s: Server;
let c: Made;
test.beforeEach(async () => {
	s = await Server.start();
	c = await s.campaign();
});
test.afterEach(() => s.close());

/** How often each title is in the campaign. */
async function counts(): Promise<Record<string, number>> {
	const n: Record<string, number> = {};
	for (const i of await s.exported(c)) n[i.title] = (n[i.title] ?? 0) + 1;
	return n;
}

test("offline for 30 seconds with two contributions waiting: each arrives once", async ({ page, context }) => {
	test.setTimeout(120_000);
	const bo = await s.guest(c, "Bo");
	await s.post(c, bo, "Bank in de zon");
	await join(page, s, c, "Ana");
	await expect(card(page, "Bank in de zon")).toBeVisible();
	await context.setOffline(true);
	await share(page, "Geschreven zonder verbinding", "Eerste.");
	await card(page, "Bank in de zon").getByRole("link", { name: "Bank in de zon", exact: true }).click();
	await page.getByRole("radio", { name: "Ervaring" }).check();
	await page.getByRole("textbox", { name: "Je reactie" }).fill("Ook zonder verbinding.");
	await page.getByRole("button", { name: "Plaats je reactie" }).click();
	await expect(page.getByText("Ook zonder verbinding.")).toBeVisible();
	await expect(page.getByText("Geen verbinding. 2 bijdragen worden straks verstuurd.").first()).toBeVisible();
	await s.post(c, bo, "Intussen geplaatst");
	await page.waitForTimeout(30_000);
	expect(await counts()).toEqual({ "Bank in de zon": 1, "Intussen geplaatst": 1 });
	await context.setOffline(false);
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
	await expect(page.getByText("Geen verbinding.")).toHaveCount(0);
	await page.getByRole("link", { name: "Alle ideeën" }).click();
	await expect(card(page, "Geschreven zonder verbinding")).toHaveCount(1);
	await expect(page.getByRole("button", { name: "1 nieuw idee" })).toBeVisible();
	expect(await counts()).toEqual({ "Bank in de zon": 1, "Intussen geplaatst": 1, "Geschreven zonder verbinding": 1 });
	const bank = (await s.exported(c)).find((i) => i.title === "Bank in de zon")!;
	expect(bank.comments.map((x) => x.text)).toEqual(["Ook zonder verbinding."]);
});

test("a page that is loaded anew sends what the earlier one had left", async ({ page }) => {
	await join(page, s, c, "Ana");
	await share(page, "Nog verbonden");
	await s.end("SIGKILL");
	await share(page, "Eerste zonder server");
	await share(page, "Tweede zonder server");
	await page.getByRole("button", { name: "Deel een idee" }).click();
	await page.getByRole("dialog").getByRole("textbox", { name: "Titel" }).fill("Half af");
	await page.waitForTimeout(600);
	await s.run();
	await page.reload();
	await expect(card(page, "Tweede zonder server")).toHaveCount(1);
	await expect(card(page, "Eerste zonder server")).toHaveCount(1);
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
	expect(await counts()).toEqual({ "Nog verbonden": 1, "Eerste zonder server": 1, "Tweede zonder server": 1 });
	expect((await s.exported(c)).map((i) => i.title)).toEqual(["Nog verbonden", "Eerste zonder server", "Tweede zonder server"]);
	await page.getByRole("button", { name: "Deel een idee" }).click();
	await expect(page.getByRole("dialog").getByRole("textbox", { name: "Titel" })).toHaveValue("Half af");
});

test("answers that are lost on the way: sent again, and still once", async ({ page }) => {
	let deaf = false;
	await page.routeWebSocket(/\/live/, (ws) => {
		const server = ws.connectToServer();
		ws.onMessage((m) => server.send(m));
		server.onMessage((m) => {
			if (!deaf) ws.send(m);
		});
	});
	await join(page, s, c, "Ana");
	await share(page, "Eerst dit");
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
	deaf = true;
	await share(page, "Het antwoord gaat verloren");
	await expect.poll(counts).toEqual({ "Eerst dit": 1, "Het antwoord gaat verloren": 1 });
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toBeVisible();
	deaf = false;
	await page.reload();
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
	await expect(card(page, "Het antwoord gaat verloren")).toHaveCount(1);
	expect(await counts()).toEqual({ "Eerst dit": 1, "Het antwoord gaat verloren": 1 });
});

test("silence after a command: the page takes another connection by itself", async ({ page }) => {
	test.setTimeout(60_000);
	let deaf = false;
	await page.routeWebSocket(/\/live/, (ws) => {
		const server = ws.connectToServer();
		const mine = deaf;
		ws.onMessage((m) => server.send(m));
		server.onMessage((m) => {
			if (!deaf || mine) ws.send(m);
		});
	});
	await join(page, s, c, "Ana");
	await share(page, "Eerst dit");
	deaf = true; // this connection only: the next one hears everything
	await share(page, "In de stilte");
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toBeVisible();
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0, { timeout: 25_000 });
	expect(await counts()).toEqual({ "Eerst dit": 1, "In de stilte": 1 });
});

test("kill -9 of the server in the middle, twice: everything acknowledged is there, nothing doubled", async ({ page, browser }) => {
	const other = await (await browser.newContext()).newPage();
	await join(page, s, c, "Ana");
	await join(other, s, c, "Bo");
	for (let round = 0; round < 2; round++) {
		const burst = share(page, `Voor de val ${round}`);
		await burst;
		const going = share(other, `Tijdens de val ${round}`);
		await s.end("SIGKILL");
		await going;
		await share(page, `Na de val ${round}`);
		await s.run();
		await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0, { timeout: 30_000 });
		await expect(other.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0, { timeout: 30_000 });
	}
	expect(await counts()).toEqual(Object.fromEntries([0, 1].flatMap((r) => [`Voor de val ${r}`, `Tijdens de val ${r}`, `Na de val ${r}`].map((x) => [x, 1]))));
	await other.reload();
	await expect(other.getByRole("list").getByRole("heading", { level: 3 })).toHaveCount(6);
});

test("support given while the server is gone counts once, and the last tap decides", async ({ page }) => {
	const bo = await s.guest(c, "Bo");
	await s.post(c, bo, "Bank in de zon");
	await s.post(c, bo, "Speelstraat");
	await join(page, s, c, "Ana");
	await expect(card(page, "Speelstraat")).toBeVisible();
	await s.end("SIGKILL");
	const bank = page.getByRole("button", { name: "Steun, Bank in de zon" });
	const street = page.getByRole("button", { name: "Steun, Speelstraat" });
	await bank.click();
	await expect(bank).toHaveAttribute("aria-pressed", "true");
	await expect(card(page, "Bank in de zon")).toContainText("1 persoon steunt dit idee");
	await street.click();
	await street.click();
	await s.run();
	await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0, { timeout: 30_000 });
	const after = Object.fromEntries((await s.exported(c)).map((i) => [i.title, i.support.total]));
	expect(after).toEqual({ "Bank in de zon": 1, Speelstraat: 0 });
	await page.reload();
	await expect(bank).toHaveAttribute("aria-pressed", "true");
	await expect(street).toHaveAttribute("aria-pressed", "false");
});

test("two tabs of one person", async ({ context }) => {
	const one = await context.newPage();
	await join(one, s, c, "Ana");
	const two = await context.newPage();
	await two.goto(`${s.url}/c/${c.id}`);
	await expect(two.getByRole("button", { name: "Deel een idee" })).toBeVisible();
	await share(one, "Uit het eerste tabblad");
	await expect(card(two, "Uit het eerste tabblad")).toBeVisible();
	await two.getByRole("button", { name: "Steun, Uit het eerste tabblad" }).click();
	await s.end("SIGKILL");
	await share(two, "Uit het tweede, zonder server");
	await two.close();
	await s.run();
	await one.reload();
	await expect(card(one, "Uit het tweede, zonder server")).toHaveCount(1);
	await expect(one.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
	expect(await counts()).toEqual({ "Uit het eerste tabblad": 1, "Uit het tweede, zonder server": 1 });
});

test("what the stage no longer allows is refused in place, with the text kept", async ({ page }) => {
	let cut = false;
	await page.routeWebSocket(/\/live/, (ws) => {
		if (cut) return ws.close({ code: 1011 });
		const server = ws.connectToServer();
		ws.onMessage((m) => (cut ? void ws.close({ code: 1011 }) : server.send(m)));
		server.onMessage((m) => !cut && ws.send(m));
	});
	await join(page, s, c, "Ana");
	await expect(page.getByRole("button", { name: "Deel een idee" })).toBeVisible();
	cut = true;
	await share(page, "Te laat gekomen", "Mijn hele uitleg.");
	await s.command(c, s.token, "stage.set", { stage: "result" });
	cut = false;
	const refused = card(page, "Te laat gekomen");
	await expect(refused).toContainText("Niet geplaatst", { timeout: 40_000 });
	await expect(refused).toContainText("Dat kan niet in deze fase.");
	await expect(refused).toContainText("Mijn hele uitleg.");
	await page.reload();
	await expect(refused).toContainText("Niet geplaatst");
	await expect(page.getByRole("button", { name: "Deel een idee" })).toHaveCount(0);
	await refused.getByRole("button", { name: "Gooi weg, Te laat gekomen" }).click();
	await expect(refused).toHaveCount(0);
	expect(await counts()).toEqual({});
});
