/**
 * What the page says to people who listen to it. There is one polite region and one urgent one, in the page from the start. The urgent one is
 * for a stage that changed and for a contribution that failed.
 */
import { signal } from "@preact/signals";
import { memo } from "../lib/memo.ts";

const polite = signal("");
const urgent = signal("");
/** Whether news of others is spoken; one's own doings always are. */
export const newsSpoken = signal(memo.get("news") !== "off");

export function setNewsSpoken(on: boolean): void {
	newsSpoken.value = on;
	memo.set("news", on ? "on" : "off");
}

/** Says something when there is a pause. */
export function say(text: string): void {
	again(polite, text);
}

/** Interrupts. */
export function alarm(text: string): void {
	again(urgent, text);
}

/** What was said does not stay for those who walk through the page later. */
const FORGET_MS = 8_000;

/** The same words twice are spoken twice: a region that does not change is silent. */
function again(region: { value: string }, text: string): void {
	const said = region.value === text ? `${text}\u00a0` : text;
	region.value = said;
	setTimeout(() => {
		if (region.value === said) region.value = "";
	}, FORGET_MS);
}

export function Voice() {
	return (
		<div class="hidden">
			<div role="status" aria-live="polite">
				{polite}
			</div>
			<div role="alert" aria-live="assertive">
				{urgent}
			</div>
		</div>
	);
}
