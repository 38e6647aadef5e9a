/// <reference types="vite/client" />
import { beforeEach, describe, expect, test } from "vitest";
import en from "../src/i18n/en.json";
import { choose, label, language, moment, t, use } from "../src/i18n/index.ts";
import nl from "../src/i18n/nl.json";

const catalogues: Record<string, Record<string, string>> = { nl, en };

const sources = Object.values(import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true }));

/** Keys that the page does not use itself: only the server says them. */
const servers = /^(error|refusal|name|warning)\./;
/** Keys that Go uses for the shell. */
const shell = new Set(["app.noscript", "app.name"]);

describe("catalogues", () => {
	const base = Object.keys(nl);

	test("hold the same keys with the same blanks", () => {
		const blanks = (s: string) => [...new Set(s.match(/\{[a-z_]+\}/g) ?? [])].sort().join();
		for (const [lang, c] of Object.entries(catalogues)) {
			expect(Object.keys(c).sort(), lang).toEqual([...base].sort());
			for (const key of base) if (!key.endsWith("_one")) expect(blanks(c[key]!), `${lang} ${key}`).toBe(blanks(catalogues.nl![key]!));
		}
	});

	test("have no key that nobody says", () => {
		const all = sources.join("\n");
		const prefixes = [...all.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/g)].map((m) => m[1]!);
		const families = ["group", "stage", "innovation", "node", "kind", "status", "answer", "role", "incomplete"].map((f) => `${f}.`);
		const unused = base.filter((key) => {
			const stem = key.replace(/_(one|other)$/, "");
			return (
				!servers.test(key) && !shell.has(key) && !all.includes(`"${stem}"`) && ![...prefixes, ...families].some((p) => key.startsWith(p))
			);
		});
		expect(unused).toEqual([]);
	});

	test("have every word of the vocabularies", () => {
		for (const [family, words] of Object.entries({
			group: ["citizen", "civil_society", "firm", "knowledge", "government", "other"],
			stage: ["draft", "collect", "refine", "vote", "result"],
			innovation: ["product", "service", "process", "marketing", "organisation"],
			node: ["industrial_transformation", "eco_innovation", "green_mobility", "renewable_energy", "care", "social_innovation"],
			kind: ["experience", "expertise", "question", "concern", "support"],
			status: ["posted", "waiting", "rejected", "hidden", "retracted", "gone"],
			answer: ["accepted", "rejected", "in_progress", "done"],
			incomplete: ["innovation", "need", "definition"],
			role: ["participant", "facilitator", "organiser", "observer"],
		}))
			for (const word of words) expect(base).toContain(`${family}.${word}`);
	});

	test("do not shout, and have no space around them", () => {
		for (const [lang, c] of Object.entries(catalogues))
			for (const [key, text] of Object.entries(c)) {
				expect(text, `${lang} ${key}`).not.toContain("!");
				expect(text.trim(), `${lang} ${key}`).toBe(text);
			}
	});
});

describe("sentences", () => {
	beforeEach(() => use("nl"));

	test("fill in, count and write numbers as people do", () => {
		expect(t("list.fresh", { n: 1 })).toBe("1 nieuw idee");
		expect(t("list.fresh", { n: 3 })).toBe("3 nieuwe ideeën");
		expect(t("list.fresh", { n: 1204 })).toBe("1.204 nieuwe ideeën");
		expect(t("join.already.name", { name: "{name}$&" })).toContain("{name}$&");
	});

	test("words of an organiser stay as they are", () => {
		expect(label("group", "citizen")).toBe("Burger");
		expect(label("group", "Bewoners van de Kaai")).toBe("Bewoners van de Kaai");
	});

	test("moments read well", () => {
		const now = Date.parse("2026-11-24T20:45:00+01:00");
		expect(moment("2026-11-24T20:44:50+01:00", now)).toBe("daarnet");
		expect(moment("2026-11-24T20:40:00+01:00", now)).toBe("5 minuten geleden");
		expect(moment("2026-11-20T08:05:00+01:00", now)).toMatch(/^vr 20 nov/);
		expect(moment("2025-11-20T08:05:00+01:00", now)).toContain("2025");
		expect(moment("onzin", now)).toBe("");
	});

	test("a choice is remembered", async () => {
		await choose("en");
		expect(language.value).toBe("en");
		expect(document.documentElement.lang).toBe("en");
		expect(localStorage.getItem("kiem.language")).toBe("en");
		expect(t("list.fresh", { n: 2 })).toBe("2 new ideas");
	});
});
