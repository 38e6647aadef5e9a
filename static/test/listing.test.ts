import { describe, expect, test } from "vitest";
import { type Place, ranking } from "../src/projector/ranking.ts";
import type { Idea } from "../src/protocol.ts";
import { everything, Listing, matches, sorted } from "../src/store/listing.ts";
import { Room } from "../src/store/room.ts";
import { MemoryStorage, StorageShelf } from "../src/store/shelf.ts";
import { FakeWorld, idea, ideaID, roomID, selfID, snapshot } from "./world.ts";

function listing(...ideas: Idea[]) {
	const room = new Room(roomID, new StorageShelf(new MemoryStorage()), new FakeWorld());
	const l = new Listing(room);
	room.board.load(snapshot(ideas));
	let seq = 10;
	const change = (type: string, data: Idea) => {
		room.board.apply({ type: "events", from: seq, to: ++seq, events: [{ seq, type, at: "", data }] });
		room.board.flush();
	};
	return { room, l, change };
}

describe("listing", () => {
	test("new ideas of others wait, and nothing moves meanwhile", () => {
		const { l, change } = listing(idea(1), idea(2));
		expect(l.shown.value).toEqual([ideaID(2), ideaID(1)]);
		change("idea.post", idea(3));
		change("idea.post", idea(4));
		expect(l.shown.value).toEqual([ideaID(2), ideaID(1)]);
		expect(l.fresh.value).toBe(2);
		l.refresh();
		expect(l.shown.value).toEqual([ideaID(4), ideaID(3), ideaID(2), ideaID(1)]);
		expect(l.fresh.value).toBe(0);
	});

	test("one's own idea comes on top at once", () => {
		const { l, change } = listing(idea(1));
		change("idea.post", idea(2));
		change("idea.post", idea(3, { authors: [{ id: selfID, name: "Ana", group: "citizen" }] }));
		expect(l.shown.value).toEqual([ideaID(1)]);
		expect(l.fresh.value).toBe(2);
	});

	test("known as one's own, it is on top", () => {
		const { room, l, change } = listing(idea(1));
		room.mine.value = new Set([ideaID(3)]);
		change("idea.post", idea(2));
		change("idea.post", idea(3, { status: "waiting" }));
		expect(l.shown.value).toEqual([ideaID(3), ideaID(1)]);
		expect(l.fresh.value).toBe(1);
	});

	test("what is withdrawn keeps its place until the list is made anew", () => {
		const { l, change } = listing(idea(1), idea(2));
		change("idea.moderate", { ...idea(2), status: "gone" });
		expect(l.shown.value).toEqual([ideaID(2), ideaID(1)]);
		l.refresh();
		expect(l.shown.value).toEqual([ideaID(1)]);
	});

	test("other people's waiting ideas are not listed", () => {
		const { l } = listing(idea(1), idea(2, { status: "waiting" }));
		expect(l.shown.value).toEqual([ideaID(1)]);
	});

	test("a filter holds for what comes in as well", () => {
		const { l, change } = listing(idea(1, { themes: ["Groen"] }), idea(2));
		l.ask({ theme: "Groen" });
		expect(l.shown.value).toEqual([ideaID(1)]);
		change("idea.post", idea(3));
		expect(l.fresh.value).toBe(0);
		change("idea.post", idea(4, { themes: ["Groen"] }));
		expect(l.fresh.value).toBe(1);
	});

	test("the first ideas of an empty campaign wait too, as soon as the list was shown", () => {
		const { l, change } = listing();
		change("idea.post", idea(1));
		expect(l.shown.value).toEqual([ideaID(1)]);
		change("idea.post", idea(2));
		expect(l.fresh.value).toBe(1);
	});

	test("search looks at title, text and need, without accents or case, all words", () => {
		const i = idea(1, { title: "Café in de wijk", text: "voor iedereen", need: "ouderen" });
		for (const text of ["cafe", "WIJK café", "iedereen ouderen", "  "]) expect(matches(i, { ...everything, text })).toBe(true);
		expect(matches(i, { ...everything, text: "café bos" })).toBe(false);
		expect(matches({ ...i, nodes: ["care"] }, { ...everything, node: "care" })).toBe(true);
		expect(matches(i, { ...everything, node: "care" })).toBe(false);
	});

	test("sorts, with what is pinned first", () => {
		const list = [idea(1), idea(2, { pinned: true }), idea(3)];
		expect(sorted(list, "new").map((i) => i.id)).toEqual([ideaID(2), ideaID(3), ideaID(1)]);
		expect(sorted(list, "votes").map((i) => i.id)).toEqual([ideaID(2), ideaID(3), ideaID(1)]);
		expect(sorted(list, "quiet").map((i) => i.id)).toEqual([ideaID(2), ideaID(1), ideaID(3)]);
	});
});

describe("ranking of the screen", () => {
	const support = (total: number) => ({ support: { total, by_group: {} } });

	test("never more than seven, and only what is posted", () => {
		const ideas = Array.from({ length: 12 }, (_, n) => idea(n + 1));
		ideas[11] = idea(12, { status: "waiting" });
		ideas[10] = idea(11, { status: "hidden" });
		ideas[9] = idea(10, { review: true });
		const places = ranking(ideas);
		expect(places.map((p) => p.total)).toEqual([9, 8, 7, 6, 5, 4, 3]);
	});

	test("ideas that are level do not swap", () => {
		let places: Place[] = ranking([idea(1, support(3)), idea(2, support(3)), idea(3, support(1))]);
		expect(places.map((p) => p.id)).toEqual([ideaID(1), ideaID(2), ideaID(3)]);
		places = ranking([idea(1, support(3)), idea(2, support(4)), idea(3, support(1))], places);
		expect(places.map((p) => p.id)).toEqual([ideaID(2), ideaID(1), ideaID(3)]);
		places = ranking([idea(1, support(4)), idea(2, support(4)), idea(3, support(4))], places);
		expect(places.map((p) => p.id)).toEqual([ideaID(2), ideaID(1), ideaID(3)]);
	});
});
