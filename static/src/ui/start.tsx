/** Starts a page: language and theme first, then the page itself. */
import { type ComponentType, render } from "preact";
import { use, wished } from "../i18n/index.ts";
import { startTheme } from "./theme.ts";

export async function start(Page: ComponentType, themeName?: string): Promise<void> {
	startTheme(themeName);
	await use(wished());
	render(<Page />, document.getElementById("app")!);
}

/** What the server put into the shell. */
export function shellData<T>(): Partial<T> {
	try {
		return (JSON.parse(document.getElementById("data")?.textContent || "null") as T | null) ?? {};
	} catch {
		return {};
	}
}
