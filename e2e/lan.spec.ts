import { expect, test } from "@playwright/test";
import { accept, card, join, share } from "./page.ts";
import { Server } from "./server.ts";

// A laptop in a hall without a certificate: http://zaal.test is no secure context, as http://192.168.1.20:8080 is not.
test("over plain HTTP in a hall everything works, and nothing is lost", async ({ browser }) => {
	const s = await Server.start("zaal.test");
	try {
		const c = await s.campaign();
		const page = await (await browser.newContext()).newPage();
		const faults: string[] = [];
		page.on("pageerror", (e) => faults.push(e.message));
		await join(page, s, c, "Ana");
		expect(await page.evaluate(() => ({ secure: isSecureContext, uuid: typeof crypto.randomUUID, locks: "locks" in navigator, worker: "serviceWorker" in navigator }))).toEqual({
			secure: false,
			uuid: "undefined",
			locks: false,
			worker: false,
		});
		await share(page, "In de zaal");
		await page.getByRole("button", { name: "Steun, In de zaal" }).click();
		await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
		await s.end("SIGKILL");
		await share(page, "Toen viel de server weg");
		await s.run();
		await page.reload();
		await expect(card(page, "Toen viel de server weg")).toHaveCount(1);
		await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0);
		expect((await s.exported(c)).map((i) => [i.title, i.support.total])).toEqual([
			["In de zaal", 1],
			["Toen viel de server weg", 0],
		]);

		const bea = await (await browser.newContext()).newPage();
		await accept(bea, await s.link(c, "facilitator"));
		await bea.getByRole("tab", { name: "Uitnodigen" }).click();
		const copy = bea.getByRole("button", { name: "Kopieer, Adres om mee te doen" });
		await copy.click();
		await expect(bea.getByText(/^(Gekopieerd|Kopiëren mag hier niet)/).first()).toBeVisible();
		expect(faults).toEqual([]);
	} finally {
		await s.close();
	}
});

test("a browser that keeps nothing (IndexedDB and localStorage refused) still takes part", async ({ browser }) => {
	const s = await Server.start();
	try {
		const c = await s.campaign();
		const page = await (await browser.newContext()).newPage();
		await page.addInitScript(() => {
			Object.defineProperty(window, "indexedDB", { value: undefined });
			Object.defineProperty(window, "localStorage", {
				get() {
					throw new DOMException("refused", "SecurityError");
				},
			});
		});
		await join(page, s, c, "Ana");
		await share(page, "Zonder geheugen");
		await s.end("SIGKILL");
		await share(page, "Zonder server");
		await s.run();
		await expect(page.getByText("Wordt verstuurd", { exact: true })).toHaveCount(0, { timeout: 30_000 });
		expect((await s.exported(c)).map((i) => i.title)).toEqual(["Zonder geheugen", "Zonder server"]);
	} finally {
		await s.close();
	}
});
