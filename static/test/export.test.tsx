import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { use } from "../src/i18n/index.ts";
import { ExportForm, exportAddress } from "../src/parts/export.tsx";
import { app } from "./dom.ts";

beforeEach(async () => {
	await use("nl");
	document.body.innerHTML = '<div id="app"></div>';
});
afterEach(() => render(null, app()));

const link = () => document.querySelector<HTMLAnchorElement>("a.btn")!;
const field = (label: string) => {
	const of = [...document.querySelectorAll("label")].find((l) => l.textContent?.includes(label));
	return document.getElementById(of!.htmlFor) as HTMLInputElement;
};
async function choose(label: string, value: string) {
	await act(() => {
		const f = field(label);
		f.value = value;
		f.dispatchEvent(new Event(f.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
	});
}

describe("taking results home", () => {
	test("the link asks for what was chosen, and nothing else", async () => {
		await act(() => render(<ExportForm campaign="c1" name="KM37QP" organiser />, app()));
		expect(link().getAttribute("href")).toBe("/api/v1/campaigns/c1/export?format=xlsx&measure=support&lang=nl");
		expect(link().getAttribute("download")).toBe("kiem-KM37QP.xlsx");
		await choose("Vorm", "zip");
		await choose("Volgorde", "bridging");
		await choose("Alleen de eerste", " 20 ");
		await choose("Minstens zoveel", "5");
		await choose("Taal", "de");
		await act(() => document.querySelector<HTMLInputElement>("input[type=checkbox]")!.click());
		expect(link().getAttribute("href")).toBe("/api/v1/campaigns/c1/export?format=zip&measure=bridging&lang=de&top=20&group_min=5&names=no");
		expect(link().getAttribute("download")).toBe("kiem-KM37QP.zip");
	});

	test("what is no number is said, and there is no file to get", async () => {
		await act(() => render(<ExportForm campaign="c1" name="KM37QP" organiser />, app()));
		for (const wrong of ["0", "-3", "veel", "1.5", "99999999"]) {
			await choose("Alleen de eerste", wrong);
			expect(link().hasAttribute("href")).toBe(false);
			expect(field("Alleen de eerste").getAttribute("aria-invalid")).toBe("true");
			expect(document.body.textContent).toContain("Vul een getal vanaf 1 in");
		}
		await choose("Alleen de eerste", "");
		expect(link().hasAttribute("href")).toBe(true);
	});

	test("only an organiser is asked about names, in either language", async () => {
		await use("en");
		await act(() => render(<ExportForm campaign="c1" name="KM37QP" organiser={false} />, app()));
		expect(document.querySelector("input[type=checkbox]")).toBeNull();
		expect(link().textContent).toContain("Get the file");
		expect(link().getAttribute("href")).toContain("lang=en");
	});

	test("an address holds nothing that breaks it", () => {
		const c = { format: "csv", measure: "support", top: "", groupMin: "", lang: "nl&x=1", names: true };
		expect(exportAddress("c1", c)).toBe("/api/v1/campaigns/c1/export?format=csv&measure=support&lang=nl%26x%3D1");
	});
});
