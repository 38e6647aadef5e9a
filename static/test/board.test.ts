import { describe, expect, test } from "vitest";
import { Board } from "../src/store/board.ts";
import { campaign, idea, ideaID, me, snapshot } from "./world.ts";

function board(...ideas: ReturnType<typeof idea>[]) {
	let asked = 0;
	const b = new Board(() => asked++);
	b.load(snapshot(ideas));
	return { b, asked: () => asked };
}

const event = (seq: number, type: string, data: object) => ({ seq, type, at: "2026-11-01T09:00:00Z", data });

describe("board", () => {
	test("an event replaces the whole idea", () => {
		const { b } = board(idea(1), idea(2));
		expect(
			b.apply({
				type: "events",
				from: 10,
				to: 11,
				events: [event(11, "idea.edit", { idea: ideaID(1), ...idea(1, { title: "Nieuw", version: 2 }) })],
			}),
		).toBe("applied");
		expect(b.known(ideaID(1))?.title).toBe("Nieuw");
		expect(b.idea(ideaID(1))?.value.title).toBe("Idee 1");
		b.flush();
		expect(b.idea(ideaID(1))?.value.title).toBe("Nieuw");
		expect(b.seq).toBe(11);
	});

	test("signals of ideas that did not change stay as they are", () => {
		const { b } = board(idea(1), idea(2));
		const before = b.idea(ideaID(2))!.value;
		b.apply({ type: "events", from: 10, to: 11, tallies: { [ideaID(1)]: { support: 9, by_group: { citizen: 9 } } } });
		b.flush();
		expect(b.idea(ideaID(2))!.value).toBe(before);
		expect(b.idea(ideaID(1))!.value.support).toEqual({ total: 9, against: 0, by_group: { citizen: 9 } });
	});

	test("what is gone keeps its place and none of its words", () => {
		const { b } = board(idea(1), idea(2));
		b.apply({ type: "events", from: 10, to: 12, events: [event(12, "idea.moderate", { idea: ideaID(1), id: ideaID(1), status: "gone" })] });
		b.flush();
		expect(b.idea(ideaID(1))!.value).toMatchObject({ status: "gone", title: "", text: "", comments: [] });
		expect(b.ids.value).toEqual([ideaID(1), ideaID(2)]);
	});

	test("an idea that was never known and is gone is not shown", () => {
		const { b } = board();
		b.apply({ type: "events", from: 10, to: 11, events: [event(11, "idea.moderate", { idea: ideaID(7), id: ideaID(7), status: "gone" })] });
		b.flush();
		expect(b.ids.value).toEqual([]);
	});

	test("the newest tally wins, an older message changes nothing", () => {
		const { b } = board(idea(1));
		b.apply({ type: "events", from: 10, to: 20, tallies: { [ideaID(1)]: { support: 8, by_group: {} } } });
		expect(
			b.apply({
				type: "events",
				from: 10,
				to: 15,
				tallies: { [ideaID(1)]: { support: 3, by_group: {} } },
				events: [event(12, "idea.edit", idea(1, { title: "Oud" }))],
			}),
		).toBe("old");
		b.flush();
		expect(b.idea(ideaID(1))!.value.support.total).toBe(8);
		expect(b.known(ideaID(1))!.title).toBe("Idee 1");
		expect(b.seq).toBe(20);
	});

	test("an overlap applies what is new only", () => {
		const { b } = board(idea(1));
		b.apply({ type: "events", from: 10, to: 12 });
		b.apply({
			type: "events",
			from: 11,
			to: 13,
			events: [event(12, "idea.edit", idea(1, { title: "Gezien" })), event(13, "idea.edit", idea(1, { title: "Nieuw" }))],
		});
		expect(b.known(ideaID(1))!.title).toBe("Nieuw");
		expect(b.seq).toBe(13);
	});

	test("a gap is told and nothing of it is taken in", () => {
		const { b } = board(idea(1));
		expect(b.apply({ type: "events", from: 12, to: 13, events: [event(13, "idea.edit", idea(1, { title: "Verder" }))] })).toBe("gap");
		expect(b.known(ideaID(1))!.title).toBe("Idee 1");
		expect(b.seq).toBe(10);
	});

	test("a tally moves with an edit that comes after it", () => {
		const { b } = board(idea(1));
		b.apply({
			type: "events",
			from: 10,
			to: 11,
			tallies: { [ideaID(1)]: { support: 5, against: 2, by_group: {} } },
			presence: { online: 40 },
		});
		b.flush();
		expect(b.idea(ideaID(1))!.value.support).toEqual({ total: 5, against: 2, by_group: {} });
		expect(b.online.value).toBe(40);
	});

	test("a new snapshot takes away what it does not hold", () => {
		const { b } = board(idea(1), idea(2));
		b.load(snapshot([idea(2), idea(3)], { seq: 30, epoch: 2 }));
		expect(b.idea(ideaID(1))!.value.status).toBe("gone");
		expect(b.ids.value).toEqual([ideaID(1), ideaID(2), ideaID(3)]);
		expect([b.seq, b.epoch]).toEqual([30, 2]);
	});

	test("one's own waiting ideas are there besides", () => {
		const { b, asked } = board(idea(1));
		b.own(me({ ideas: [idea(5, { status: "waiting" })] }));
		expect(asked()).toBe(1);
		b.flush();
		expect(b.idea(ideaID(5))!.value.status).toBe("waiting");
	});

	test("the stage and what it opens come together", () => {
		const { b } = board();
		b.apply({
			type: "events",
			from: 10,
			to: 11,
			events: [event(11, "stage.set", { stage: "result", open: { posting: false, editing: false, comments: false, support: false } })],
		});
		b.flush();
		expect(b.campaign.value).toMatchObject({ stage: "result", open: { posting: false } });
	});

	test("a changed campaign keeps its code and address", () => {
		const { b } = board();
		const { code: _code, join_url: _url, ...changed } = campaign({ title: "Anders" });
		b.apply({ type: "events", from: 10, to: 11, events: [event(11, "campaign.edit", changed)] });
		b.flush();
		expect(b.campaign.value).toMatchObject({ title: "Anders", code: "KM37QP", join_url: "http://kiem.test/j/KM37QP" });
	});

	test("a new name stands wherever the person does", () => {
		const bo = idea(1).authors[0]!;
		const { b } = board(
			idea(1, { comments: [{ id: "c", kind: "question", text: "?", status: "posted", author: bo, at: "" }] }),
			idea(2, { authors: [{ ...bo, id: "x" }] }),
		);
		b.apply({ type: "events", from: 10, to: 11, events: [event(11, "participant.rename", { ...bo, name: "Bodil" })] });
		b.flush();
		expect(b.idea(ideaID(1))!.value.authors[0]!.name).toBe("Bodil");
		expect(b.idea(ideaID(1))!.value.comments[0]!.author.name).toBe("Bodil");
		expect(b.idea(ideaID(2))!.value.authors[0]!.name).toBe("Bo");
	});

	test("absent lists do not break it", () => {
		const { b } = board();
		b.load(snapshot([{ id: ideaID(1), status: "posted" } as never]));
		expect(b.idea(ideaID(1))!.value).toMatchObject({ comments: [], themes: [], support: { total: 0 } });
	});
});
