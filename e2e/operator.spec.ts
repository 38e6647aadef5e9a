import { expect, test } from "@playwright/test";
import { join } from "./page.ts";
import { Server } from "./server.ts";

test("the operator sees how the server is, live; an organiser and a guest do not", async ({ browser }) => {
	const s = await Server.start();
	const c = await s.campaign();
	const page = await (await browser.newContext()).newPage();
	await page.goto(`${s.url}/admin`);
	await expect(page.getByText("Je bent niet aangemeld")).toBeVisible();
	await page.goto(s.signIn());
	await page.getByRole("button", { name: "Meld me aan" }).click();
	await page.getByRole("link", { name: "De server" }).click();
	await expect(page.getByRole("heading", { level: 1, name: "De server" })).toBeVisible();
	await expect(page.getByText("Neemt opdrachten aan")).toBeVisible();
	await expect(page.getByText("Duurzaam", { exact: true })).toBeVisible();
	await expect(page.getByText("Alle snelheidslimieten zijn vermenigvuldigd met 50.")).toBeVisible(); // what the tests run with
	const log = page.getByRole("table", { name: "Logs" }).getByRole("row", { name: new RegExp(c.id) });
	await expect(log).toBeVisible();
	const before = await log.innerText();

	const guest = await (await browser.newContext()).newPage();
	await join(guest, s, c, "Ana");
	await expect.poll(() => log.innerText()).not.toBe(before); // her join is an entry, and she is connected
	await guest.goto(`${s.url}/admin`);
	await expect(guest.getByText("Alleen de beheerder van deze server kan dit zien.")).toBeVisible();
	await expect(guest.getByRole("table")).toHaveCount(0);
	const invited = await (await browser.newContext()).newPage();
	await invited.goto(await s.link(c, "organiser"));
	await invited.getByRole("button", { name: "Neem de uitnodiging aan" }).click();
	await expect(invited.getByRole("heading", { level: 1, name: "Begeleiden" })).toBeVisible();
	await invited.goto(`${s.url}/organise`);
	await expect(invited.getByRole("row", { name: /Straten om te leven/ })).toBeVisible();
	await expect(invited.getByRole("link", { name: "De server" })).toHaveCount(0);
	await invited.goto(`${s.url}/admin`);
	await expect(invited.getByText("Alleen de beheerder van deze server kan dit zien.")).toBeVisible();

	await s.end("SIGKILL"); // the last picture stays
	await expect(page.getByText("De server is niet bereikbaar. Dit is het laatste beeld.")).toBeVisible();
	await expect(log).toBeVisible();
	await s.run();
	await expect(page.getByText("Neemt opdrachten aan")).toBeVisible();
	await s.close();
});
