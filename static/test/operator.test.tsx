import { render } from "preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { use } from "../src/i18n/index.ts";
import { bytes, duration, lasting } from "../src/lib/quantity.ts";
import { Operator } from "../src/organiser/operator.tsx";
import type { AdminStatus } from "../src/protocol.ts";
import { app, button } from "./dom.ts";
import { pass } from "./world.ts";

const now = "2026-11-24T19:45:00Z";

function status(more: Partial<AdminStatus> = {}): AdminStatus {
	return {
		node: "00112233445566aa",
		version: "1.2.3",
		started_at: "2026-11-23T18:45:00Z",
		now,
		ready: true,
		durability: "durable",
		warnings: [],
		connections: 1204,
		awake: 2,
		asleep: 7,
		commands: 9000,
		entries: 800,
		refused: 3,
		rate_limited: 1,
		fsync: { count: 640, p50: 0.0012, p99: 0.25, seconds: 300 },
		append: { count: 640, p50: 0.0014, p99: 2.5, seconds: 300 },
		disk: { free: 12_345_678_901, need: 67_108_864 },
		heads: [
			{ log: "directory", entry: 12, epoch: 1, head: "ab".repeat(32), connections: 0 },
			{ log: "c:01920000-0000-7000-8000-000000000001", entry: 788, epoch: 2, head: "cd".repeat(32), connections: 1204 },
		],
		nodes: [],
		...more,
	};
}

/** What the server answers, one after the other; the last for ever. */
function answers(...list: (AdminStatus | number)[]) {
	const asked = vi.fn(async () => {
		const a = list.length > 1 ? list.shift()! : list[0]!;
		return typeof a === "number"
			? new Response(JSON.stringify({ error: { code: a === 403 ? "forbidden" : "unavailable", message: "Nee." } }), { status: a })
			: new Response(JSON.stringify(a), { status: 200 });
	});
	vi.stubGlobal("fetch", asked);
	return asked;
}

const text = () => (document.body.textContent ?? "").replace(/\s+/g, " ");
async function draw() {
	render(<Operator />, app());
	await pass(10);
}

beforeEach(async () => {
	await use("nl");
	vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
	document.body.innerHTML = '<div id="app"></div>';
});
afterEach(() => {
	render(null, app());
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe("the operator's page", () => {
	test("shows figures as people read them, in tables with heads", async () => {
		answers(status());
		await draw();
		for (const words of [
			"De server",
			"Neemt opdrachten aan",
			"Duurzaam",
			"1.204",
			"7 in rust",
			"12,3 GB",
			"1,2 ms",
			"250 ms",
			"2,5 sec",
			"Draait al1 dag",
		])
			expect(text(), words).toContain(words);
		expect(text()).toContain("01920000-0000-7000-8000-000000000001");
		expect(document.querySelectorAll("table").length).toBe(3);
		for (const table of document.querySelectorAll("table")) {
			expect(table.querySelector("caption")?.textContent).toBeTruthy();
			for (const row of table.querySelectorAll("tbody tr")) expect(row.querySelector('th[scope="row"]')).toBeTruthy();
		}
	});

	test("says what is wrong: not ready, unsafe settings, Redis away", async () => {
		answers(
			status({
				ready: false,
				trouble: "journal: unavailable",
				durability: "relaxed",
				warnings: [{ code: "rate_scale", message: "Alle snelheidslimieten zijn vermenigvuldigd met 7." }],
				disk: undefined,
				redis: {
					up: false,
					durable: false,
					trouble: "appendfsync is everysec",
					checked_at: "2026-11-24T19:44:55Z",
					servers: [{ version: "7.0.15", role: "master", appendonly: "yes", appendfsync: "everysec", write_ok: false, replicas: 2 }],
				},
				nodes: [{ node: "ffee", version: "1.2.2", started_at: now, heard_at: now, ready: false, connections: 5, rooms: 1 }],
			}),
		);
		await draw();
		for (const words of [
			"Neemt nu geen opdrachten aan",
			"journal: unavailable",
			"Versoepelde duurzaamheid",
			"vermenigvuldigd met 7",
			"Redis is niet bereikbaar",
			"everysec",
			"Mislukt",
			"ffee",
			"Neemt niets aan",
		])
			expect(text(), words).toContain(words);
	});

	test("moves by itself, rests when paused, and keeps its last picture when the server is away", async () => {
		const asked = answers(status(), status({ connections: 1300 }), 503, status({ connections: 1400 }));
		await draw();
		await pass(5000);
		expect(text()).toContain("1.300");
		await pass(5000);
		expect(text()).toContain("1.300");
		expect(text()).toContain("Nee.");
		await pass(5000);
		expect(text()).toContain("1.400");
		expect(text()).not.toContain("Nee.");
		const n = asked.mock.calls.length;
		button("Pauzeer").click();
		await pass(20_000);
		expect(asked.mock.calls.length).toBe(n);
		expect(button("Pauzeer").getAttribute("aria-pressed")).toBe("true");
		button("Pauzeer").click();
		await pass(100);
		expect(asked.mock.calls.length).toBe(n + 1);
	});

	test("is shut for anybody else, and stops asking", async () => {
		const asked = answers(403);
		await draw();
		expect(text()).toContain("Nee.");
		expect(document.querySelector("table")).toBeNull();
		await pass(20_000);
		expect(asked.mock.calls.length).toBe(1);
	});
});

test("quantities", async () => {
	expect([duration(0), duration(0.00005), duration(0.0999), duration(1.25), duration(90)]).toEqual([
		"0 ms",
		"0,05 ms",
		"100 ms",
		"1,3 sec",
		"2 min",
	]);
	expect([lasting(-3), lasting(59), lasting(3700), lasting(200_000)]).toEqual(["0 sec", "59 sec", "1 uur", "2 dagen"]);
	expect([bytes(0), bytes(67_108_864), bytes(2.5e12)]).toEqual(["0 byte", "67,1 MB", "2,5 TB"]);
	await use("en");
	expect([duration(0.0012), lasting(90_000), bytes(1e9)]).toEqual(["1.2 ms", "1 day", "1 GB"]);
});
