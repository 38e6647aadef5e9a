/**
 * The sentences of the page. A catalogue is flat: key, sentence, {name} for what is filled in; a key that ends in _one or _other is a plural
 * form, chosen by the argument n. Only the language in use is loaded.
 */
import { signal } from "@preact/signals";
import { memo } from "../lib/memo.ts";
import type nl from "./nl.json";

type Raw = keyof typeof nl;
type Stem<K> = K extends `${infer S}_one` ? S : never;
/** A key that t takes: plural forms by their stem. */
export type Key = Exclude<Raw, `${string}_one` | `${string}_other`> | Stem<Raw>;
export type Language = "nl" | "en";
export const languages: Record<Language, string> = { nl: "Nederlands", en: "English" };

const catalogues: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
	nl: () => import("./nl.json"),
	en: () => import("./en.json"),
};

export const language = signal<Language>("nl");
const sentences = signal<Record<string, string>>({});

export function isLanguage(tag: string | null | undefined): tag is Language {
	return tag === "nl" || tag === "en";
}

/** The language that the person chose before, else the one of the shell. */
export function wished(): Language {
	const kept = memo.get("language");
	if (isLanguage(kept)) return kept;
	const shell = document.documentElement.lang.slice(0, 2);
	return isLanguage(shell) ? shell : "nl";
}

/** Shows the page in that language, once its sentences are here. */
export async function use(next: Language): Promise<void> {
	const loaded = (await catalogues[next]()).default;
	sentences.value = loaded;
	language.value = next;
	document.documentElement.lang = next;
}

/** use, remembered for the next visit. */
export async function choose(next: Language): Promise<void> {
	await use(next);
	memo.set("language", next);
}

export type Args = Record<string, string | number>;

/** The sentence of a key. Numbers are written as people of that language read them. */
export function t(key: Key, args?: Args): string {
	return say(key, args);
}

function say(key: string, args?: Args): string {
	const all = sentences.value;
	let text = all[key];
	if (text === undefined) {
		const n = Number(args?.n ?? 0);
		text = all[`${key}_${new Intl.PluralRules(language.value).select(n)}`] ?? all[`${key}_other`] ?? key;
	}
	if (!args) return text;
	return text.replace(/\{([a-z_]+)\}/g, (whole, name: string) => {
		const value = args[name];
		if (value === undefined) return whole;
		return typeof value === "number" ? number(value) : value;
	});
}

/** Families of labels for what the protocol names by a word; an organiser may use words of their own, which are shown as they are. */
export type Family = "group" | "stage" | "innovation" | "node" | "kind" | "status" | "answer" | "role" | "incomplete";

export function label(family: Family, word: string): string {
	return sentences.value[`${family}.${word}`] ?? word;
}

export function number(value: number): string {
	return new Intl.NumberFormat(language.value).format(value);
}

/** A, B and C. */
export function listed(words: readonly string[]): string {
	return new Intl.ListFormat(language.value, { type: "conjunction" }).format(words);
}

const tags: Record<Language, string> = { nl: "nl-BE", en: "en-GB" };

/** A moment as a person says it: the time today, the day and time within the year, the date before. now is server time. */
export function moment(iso: string, now: number): string {
	const at = new Date(iso);
	if (Number.isNaN(at.getTime())) return "";
	const today = new Date(now);
	const minutes = Math.round((now - at.getTime()) / 60_000);
	if (minutes < 1 && minutes > -5) return say("time.now");
	if (minutes > 0 && minutes < 60) return say("time.minutes", { n: minutes });
	const clock = new Intl.DateTimeFormat(tags[language.value], { hour: "2-digit", minute: "2-digit" })
		.format(at)
		.replace(":", language.value === "nl" ? "." : ":");
	const time = language.value === "nl" ? `${clock} u.` : clock;
	if (at.toDateString() === today.toDateString()) return time;
	const day = new Intl.DateTimeFormat(tags[language.value], {
		weekday: "short",
		day: "numeric",
		month: "short",
		...(at.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }),
	}).format(at);
	return `${day}, ${time}`;
}
