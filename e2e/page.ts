/** What people do on the page, by role and Dutch name, as docs/page.md lists it. */
import { expect, type Page } from "@playwright/test";
import type { Made, Server } from "./server.ts";

/** Joins by the code's address. */
export async function join(page: Page, s: Server, c: Made, name: string, group = "Burger"): Promise<void> {
	await page.goto(`${s.url}/j/${c.code}`);
	await page.getByRole("radio", { name: group }).check();
	await page.getByRole("textbox", { name: "Je naam" }).fill(name);
	await page.getByRole("button", { name: "Doe mee" }).click();
	await expect(page).toHaveURL(new RegExp(`/c/${c.id}$`));
	await expect(page.getByRole("heading", { level: 1, name: "Hoe maken we de straat weer van iedereen?" })).toBeVisible();
}

/** Writes an idea and posts it. */
export async function share(page: Page, title: string, text = ""): Promise<void> {
	await page.getByRole("button", { name: "Deel een idee" }).click();
	const sheet = page.getByRole("dialog", { name: "Deel een idee" });
	await sheet.getByRole("textbox", { name: "Titel" }).fill(title);
	if (text) await sheet.getByRole("textbox", { name: "Je idee" }).fill(text);
	await sheet.getByRole("checkbox", { name: "Dienst" }).check();
	await sheet.getByRole("button", { name: "Plaats je idee" }).click();
	await expect(sheet).toBeHidden();
}

/** The card of an idea in a list. */
export function card(page: Page, title: string) {
	return page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: title, exact: true }) });
}

/** Takes up an invitation. */
export async function accept(page: Page, url: string, name = "Bea"): Promise<void> {
	await page.goto(url);
	await page.getByRole("textbox", { name: "Je naam" }).fill(name);
	await page.getByRole("button", { name: "Neem de uitnodiging aan" }).click();
}
