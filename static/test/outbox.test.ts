import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Outbox, type Outcome } from "../src/store/outbox.ts";
import { MemoryStorage, type Shelf, StorageShelf } from "../src/store/shelf.ts";
import { pass, settled } from "./world.ts";

const room = "room";
let serial = 0;

beforeEach(() => {
	vi.useFakeTimers();
	serial = 0;
});
afterEach(() => {
	vi.useRealTimers();
});

type Frame = { id: string; type: string; data: Record<string, unknown>; lane?: string; n?: number };

function make(storage = new MemoryStorage(), shelf: Shelf = new StorageShelf(storage)) {
	const sent: Frame[] = [];
	const state = { up: true, suspected: 0 };
	const box = new Outbox(room, shelf, {
		send: (f) => {
			if (!state.up) return false;
			sent.push(f as Frame);
			return true;
		},
		suspect: () => {
			state.suspected++;
		},
		now: Date.now,
		uuid: () => `id-${String(++serial).padStart(4, "0")}`,
		later: (fn, ms) => void setTimeout(fn, ms),
	});
	return { box, sent, state, storage, shelf };
}

async function ready(m: ReturnType<typeof make>) {
	await m.box.load("me");
	m.box.opened();
	await settled();
}

const ok = (id: string, seq = 1) => ({ type: "reply" as const, id, seq, data: {} });
const no = (id: string, code: string) => ({ type: "reply" as const, id, error: { code: code as never, message: "Nee." } });

describe("outbox", () => {
	test("a command is on the shelf before it is sent, and off it when it is answered", async () => {
		const m = make();
		await ready(m);
		let kept: () => void = () => {};
		const put = vi.spyOn(m.shelf, "put").mockImplementation(() => new Promise((r) => (kept = () => r())));
		const answer = m.box.add("idea.post", { title: "A" });
		await settled();
		expect(put).toHaveBeenCalledOnce();
		expect(m.sent).toEqual([]);
		kept();
		await settled();
		expect(m.sent.map((f) => f.type)).toEqual(["idea.post"]);
		put.mockRestore();
		m.box.reply(ok(m.sent[0]!.id, 7));
		expect(await answer).toEqual({ ok: true, seq: 7, data: {} });
		expect(await m.shelf.all(room)).toEqual([]);
	});

	test("what the shelf refuses is sent all the same", async () => {
		const m = make();
		await ready(m);
		vi.spyOn(m.shelf, "put").mockRejectedValue(new Error("full"));
		void m.box.add("idea.post", { title: "A" });
		await settled();
		expect(m.sent.length).toBe(1);
	});

	test("an earlier command that is not kept yet holds up the later ones", async () => {
		const m = make();
		await ready(m);
		const gates: (() => void)[] = [];
		vi.spyOn(m.shelf, "put").mockImplementation(() => new Promise((r) => gates.push(() => r())));
		void m.box.add("idea.post", { title: "A" });
		void m.box.add("idea.post", { title: "B" });
		gates[1]!();
		await settled();
		expect(m.sent).toEqual([]);
		gates[0]!();
		await settled();
		expect(m.sent.map((f) => f.data.title)).toEqual(["A", "B"]);
	});

	test("the unanswered go again in order before the new", async () => {
		const m = make();
		await ready(m);
		for (const title of ["A", "B", "C"]) void m.box.add("idea.post", { title });
		await settled();
		m.box.reply(ok(m.sent[1]!.id));
		m.box.closed();
		m.state.up = false;
		void m.box.add("idea.post", { title: "D" });
		await settled();
		m.sent.length = 0;
		m.state.up = true;
		m.box.opened();
		expect(m.sent.map((f) => f.data.title)).toEqual(["A", "C", "D"]);
	});

	test("a reload sends what an earlier page left, under the same ids and lanes", async () => {
		const first = make();
		await ready(first);
		first.box.closed();
		first.state.up = false;
		void first.box.add("support.set", { idea: "x", value: 1 }, { set: true });
		void first.box.add("idea.post", { title: "A" });
		await settled();
		const ids = first.box.entries.value.map((e) => e.id);
		const second = make(first.storage);
		await ready(second);
		expect(second.sent.map((f) => f.id)).toEqual(ids);
		expect(second.sent[0]).toMatchObject({ lane: "id-0001", n: 1 });
		void second.box.add("support.set", { idea: "x", value: 0 }, { set: true });
		await settled();
		expect(second.sent[2]!.lane).not.toBe("id-0001");
	});

	test("what another person left on this device is not sent in one's own name", async () => {
		const first = make();
		await ready(first);
		first.box.closed();
		void first.box.add("idea.post", { title: "Van Bo" });
		await settled();
		const second = make(first.storage);
		await second.box.load("somebody else");
		second.box.opened();
		await settled();
		expect(second.sent).toEqual([]);
		expect(await second.shelf.all(room)).toEqual([]);
	});

	test("a refusal keeps the text with its reason, also for the next page", async () => {
		const m = make();
		await ready(m);
		const answer = m.box.add("idea.post", { title: "A" });
		await settled();
		m.box.reply(no(m.sent[0]!.id, "phase_closed"));
		expect(await answer).toMatchObject({ ok: false, code: "phase_closed" });
		expect(m.box.entries.value).toMatchObject([{ state: "refused", data: { title: "A" }, refused: { message: "Nee." } }]);
		await settled();
		const next = make(m.storage);
		await ready(next);
		expect(next.sent).toEqual([]);
		expect(next.box.entries.value).toMatchObject([{ state: "refused", refused: { message: "Nee." } }]);
		void next.box.again(next.box.entries.value[0]!.id);
		await settled();
		expect(next.sent).toMatchObject([{ data: { title: "A" } }]);
		expect(next.sent[0]!.id).not.toBe(m.sent[0]!.id);
	});

	test("a refused tap is undone and forgotten", async () => {
		const m = make();
		await ready(m);
		void m.box.add("support.set", { idea: "x", value: 1 }, { set: true });
		await settled();
		m.box.reply(no(m.sent[0]!.id, "phase_closed"));
		expect(m.box.entries.value).toEqual([]);
		expect(await m.shelf.all(room)).toEqual([]);
	});

	test.each(["unavailable", "rate_limited", "internal"])("%s is tried again with the same id", async (code) => {
		const m = make();
		await ready(m);
		const answer = m.box.add("idea.post", { title: "A" });
		void m.box.add("idea.post", { title: "B" });
		await settled();
		m.box.reply(no(m.sent[0]!.id, code));
		expect(m.sent.length).toBe(2);
		await pass(1_500);
		expect(m.sent.length).toBe(3);
		expect(m.sent[2]!.id).toBe(m.sent[0]!.id);
		m.box.reply(ok(m.sent[0]!.id));
		expect((await answer).ok).toBe(true);
	});

	test("a fault of the server that stays is told in the end", async () => {
		const m = make();
		await ready(m);
		const answer = m.box.add("idea.post", { title: "A" });
		await settled();
		for (let i = 0; i < 3; i++) {
			m.box.reply(no(m.sent[0]!.id, "internal"));
			await pass(9_000);
		}
		expect(await answer).toMatchObject({ ok: false, code: "internal" });
		expect(m.box.entries.value).toMatchObject([{ state: "refused" }]);
	});

	test("a duplicate is a success whose answer is no longer kept", async () => {
		const m = make();
		await ready(m);
		const answer = m.box.add("comment.post", { text: "A" });
		await settled();
		m.box.reply(no(m.sent[0]!.id, "duplicate"));
		expect((await answer).ok).toBe(true);
		expect(await m.shelf.all(room)).toEqual([]);
	});

	test("silence makes the connection suspect", async () => {
		const m = make();
		await ready(m);
		void m.box.add("idea.post", { title: "A" });
		await pass(11_000);
		expect(m.state.suspected).toBe(0);
		await pass(2_000);
		expect(m.state.suspected).toBe(1);
	});

	test("few are on their way at once", async () => {
		const m = make();
		await ready(m);
		for (let i = 0; i < 30; i++) void m.box.add("support.set", { idea: `${i}`, value: 1 }, { set: true });
		await settled();
		expect(m.sent.length).toBe(20);
		m.box.reply(ok(m.sent[0]!.id));
		expect(m.sent.length).toBe(21);
		expect(m.sent.map((f) => f.n)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
	});

	test("a facilitator's decision is given up without a connection", async () => {
		const m = make();
		await m.box.load("me");
		const answer = m.box.add("stage.set", { stage: "vote" }, { kept: false });
		await pass(9_000);
		expect(await answer).toMatchObject({ ok: false, code: "offline" });
		m.box.opened();
		expect(m.sent).toEqual([]);
		expect(await m.shelf.all(room)).toEqual([]);
	});

	test("what is done stays on the screen until the journal is applied so far", async () => {
		const m = make();
		await ready(m);
		void m.box.add("idea.post", { title: "A" });
		await settled();
		m.box.reply(ok(m.sent[0]!.id, 12));
		m.box.settle(11);
		expect(m.box.entries.value).toMatchObject([{ state: "done" }]);
		m.box.settle(12);
		expect(m.box.entries.value).toEqual([]);
	});

	test("a draft leaves the shelf in the same step as its command comes", async () => {
		const m = make();
		await m.shelf.keep("room/composer", { title: "A" });
		await ready(m);
		void m.box.add("idea.post", { title: "A" }, { draft: "room/composer" });
		await settled();
		expect(await m.shelf.draft("room/composer")).toBeUndefined();
		expect((await m.shelf.all(room)).length).toBe(1);
	});

	// The promise itself: whatever happens to connection, answers and page, each command takes effect once, and in the order in which it was given.
	test("exactly once, in order, over random cuts, lost answers and reloads", async () => {
		for (let seed = 1; seed <= 24; seed++) {
			const random = generator(seed);
			const busy = seed % 2 === 0; // a server that cannot store for a moment may take later ones first
			const effects: string[] = [];
			const answers = new Map<string, number>();
			const storage = new MemoryStorage();
			let m = make(storage);
			await m.box.load("me");
			let given = 0;
			const outcomes: Promise<Outcome>[] = [];
			for (let step = 0; step < 80; step++) {
				const dice = random();
				if (dice < 0.3 && given < 25) outcomes.push(m.box.add("idea.post", { title: String(given++) }));
				else if (dice < 0.45) {
					m.state.up = true;
					m.box.opened();
				} else if (dice < 0.55) {
					m.state.up = false;
					m.box.closed();
					m.sent.length = 0; // what was under way is lost
				} else if (dice < 0.6) {
					await settled();
					m.state.up = false;
					m = make(storage); // the page is loaded anew
					m.state.up = false;
					await m.box.load("me");
				} else if (m.sent.length) {
					const f = m.sent.shift()!;
					if (busy && random() < 0.1) m.box.reply(no(f.id, "unavailable"));
					else {
						if (!answers.has(f.id)) {
							effects.push(String(f.data.title));
							answers.set(f.id, effects.length);
						}
						if (random() < 0.7) m.box.reply(ok(f.id, answers.get(f.id)!));
					}
				}
				await pass(random() < 0.2 ? 1_000 : 0);
			}
			m.state.up = true;
			for (let i = 0; i < 200 && (i === 0 || m.box.waiting() > 0); i++) {
				m.box.opened();
				await settled();
				for (const f of m.sent.splice(0)) {
					if (!answers.has(f.id)) {
						effects.push(String(f.data.title));
						answers.set(f.id, effects.length);
					}
					m.box.reply(ok(f.id, answers.get(f.id)!));
				}
				await pass(1_000);
			}
			if (busy) effects.sort((a, b) => Number(a) - Number(b));
			expect(effects, `seed ${seed}`).toEqual(Array.from({ length: given }, (_, i) => String(i)));
			expect(await m.shelf.all(room), `seed ${seed}`).toEqual([]);
		}
	}, 60_000);
});

/** A small generator, so that a failing run can be run again. */
function generator(seed: number): () => number {
	let s = seed;
	return () => {
		s = (s * 1664525 + 1013904223) % 2 ** 32;
		return s / 2 ** 32;
	};
}
