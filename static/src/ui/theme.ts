/** Light or dark: the device decides until the person does. */
import { signal } from "@preact/signals";
import { memo } from "../lib/memo.ts";

export type Theme = "auto" | "light" | "dark";
export const themes: readonly Theme[] = ["auto", "light", "dark"];
export const theme = signal<Theme>("auto");

function isTheme(s: string | null): s is Theme {
	return s === "auto" || s === "light" || s === "dark";
}

/** Takes up what was chosen before. name keeps the projector's choice apart. */
export function startTheme(name = "theme"): void {
	const kept = memo.get(name);
	setTheme(isTheme(kept) ? kept : "auto", name);
}

export function setTheme(next: Theme, name = "theme"): void {
	theme.value = next;
	if (next === "auto") {
		delete document.documentElement.dataset.theme;
		memo.remove(name);
	} else {
		document.documentElement.dataset.theme = next;
		memo.set(name, next);
	}
}
