import { render } from "preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Home } from "../src/citizen/campaign.tsx";
import { Composer } from "../src/citizen/composer.tsx";
import { IdeaPage } from "../src/citizen/idea.tsx";
import { Mine } from "../src/citizen/mine.tsx";
import { use } from "../src/i18n/index.ts";
import { Listing } from "../src/store/listing.ts";
import { app, button, enter, find, type } from "./dom.ts";
import { campaign, idea, ideaID, me, pass, roomID, selfID } from "./world.ts";

beforeEach(async () => {
	await use("nl");
	vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
	localStorage.clear();
	document.body.innerHTML = '<div id="app"></div>';
});
afterEach(() => {
	render(null, app());
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

const titles = () => [...document.querySelectorAll("h3")].map((h) => h.textContent);

describe("the list", () => {
	async function home(ideas = [idea(1), idea(2)], hello: object = {}) {
		const { world, room } = await enter(ideas, hello);
		const listing = new Listing(room);
		const composed = { n: 0 };
		const draw = () =>
			render(<Home room={room} campaign={room.board.campaign.value!} listing={listing} compose={() => composed.n++} />, app());
		draw();
		await pass(0);
		return { world, room, listing, composed };
	}

	test("new ideas of others wait behind a pill, the order stays", async () => {
		const { world } = await home();
		expect(titles()).toEqual(["Idee 2", "Idee 1"]);
		world.last.events(10, 12, {
			events: [
				{ seq: 11, type: "idea.post", at: "", data: idea(3) },
				{ seq: 12, type: "idea.post", at: "", data: idea(4) },
			],
		});
		await pass(200);
		expect(titles()).toEqual(["Idee 2", "Idee 1"]);
		button("2 nieuwe ideeën").click();
		await pass(0);
		expect(titles()).toEqual(["Idee 4", "Idee 3", "Idee 2", "Idee 1"]);
	});

	test("the focused card is never taken away", async () => {
		const { world } = await home();
		const link = [...document.querySelectorAll<HTMLAnchorElement>("h3 a")][0]!;
		link.focus();
		world.last.events(10, 11, {
			events: [{ seq: 11, type: "idea.moderate", at: "", data: { id: ideaID(2), idea: ideaID(2), status: "gone" } }],
		});
		await pass(200);
		expect(document.body.textContent).toContain("Dit idee is weggehaald.");
		expect(document.querySelectorAll("main li, ul > li.card, li").length).toBeGreaterThan(0);
	});

	test("support: state by aria-pressed, the same words, the number moves at once", async () => {
		const { world } = await home();
		const b = button("Steun, Idee 1");
		expect(b.getAttribute("aria-pressed")).toBe("false");
		b.click();
		await pass(0);
		expect(button("Steun, Idee 1").getAttribute("aria-pressed")).toBe("true");
		const card = b.closest("li")!;
		expect(card.textContent).toContain("2 mensen steunen");
		expect(card.textContent).toContain("Wordt verstuurd");
		world.last.reply(world.last.sent[0]!.id, 11);
		world.last.events(10, 11, { tallies: { [ideaID(1)]: { support: 2, by_group: {} } } });
		await pass(200);
		expect(card.textContent).not.toContain("Wordt verstuurd");
	});

	test("a refused tap is undone, with the reason in place", async () => {
		const { world } = await home();
		button("Steun, Idee 1").click();
		await pass(0);
		world.last.refuse(world.last.sent[0]!.id, "phase_closed", "Dat kan niet in deze fase.");
		await pass(0);
		const b = button("Steun, Idee 1");
		expect(b.getAttribute("aria-pressed")).toBe("false");
		expect(b.closest("li")!.textContent).toContain("Dat kan niet in deze fase.");
	});

	test("whoever may not support sees figures and no button", async () => {
		await home([idea(1)], { me: me({ role: "organiser", rights: ["idea.moderate"] }) });
		expect(() => button("Steun")).toThrow();
		expect(document.body.textContent).toContain("1 persoon steunt dit idee");
	});

	test("words of strangers stay words", async () => {
		const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>\u202e`;
		await home([idea(1, { title: evil, text: evil, authors: [{ id: "x", name: evil, group: "citizen" }], themes: [evil] })]);
		expect(document.querySelectorAll("img, script").length).toBe(0);
		expect(titles()).toEqual([evil]);
	});

	test("one's own waiting post stands on top, with its state", async () => {
		const { world, room } = await home();
		world.last.cut();
		void room.contribute("idea.post", { title: "Bank in de zon", text: "" });
		await pass(0);
		expect(titles()[0]).toBe("Bank in de zon");
		expect(document.body.textContent).toContain("Wordt verstuurd");
	});

	test("a refused post can be written anew, with its text", async () => {
		const { world, room, composed } = await home();
		void room.contribute("idea.post", { title: "Bank", text: "In de zon." }).then(() => {});
		await pass(0);
		world.last.refuse(world.last.sent[0]!.id, "phase_closed", "Dat kan niet in deze fase.");
		await pass(0);
		expect(document.body.textContent).toContain("Dat kan niet in deze fase.");
		button("Bewerk, Bank").click();
		await pass(10);
		expect(composed.n).toBe(1);
		expect(await room.shelf.draft(`${roomID}/composer`)).toMatchObject({ title: "Bank", text: "In de zon." });
		expect(await room.shelf.all(roomID)).toEqual([]);
	});

	test("only so many are drawn, and more on wish", async () => {
		await home(Array.from({ length: 120 }, (_, n) => idea(n + 1)));
		expect(titles().length).toBe(50);
		button("Toon nog 50 ideeën").click();
		await pass(0);
		expect(titles().length).toBe(100);
	});
});

describe("the composer", () => {
	async function composer(more = {}) {
		const { world, room } = await enter();
		const closed: (string | undefined)[] = [];
		render(<Composer room={room} campaign={campaign(more)} onClose={(id) => closed.push(id)} />, app());
		await pass(10);
		return { world, room, closed };
	}

	test("asks for a title and a kind of novelty, and says so in place", async () => {
		const { world } = await composer();
		button("Plaats je idee").click();
		await pass(50);
		expect(document.body.textContent).toContain("Geef je idee een titel.");
		await type(find("input", "Titel"), "Bank in de zon");
		expect(document.body.textContent).not.toContain("Geef je idee een titel.");
		button("Plaats je idee").click();
		await pass(50);
		expect(document.body.textContent).toContain("Kies minstens één soort vernieuwing.");
		expect(world.last.sent).toEqual([]);
	});

	test("sends what was filled in and closes with the answer", async () => {
		const { world, closed } = await composer();
		await type(find("input", "Titel"), "  Bank in de zon ");
		await type(find("textarea", "Welke behoefte, en van wie?"), "Ouderen");
		find<HTMLInputElement>("input[type=checkbox]", "Dienst").click();
		find<HTMLInputElement>("input[type=checkbox]", "Groen").click();
		find<HTMLInputElement>("input[type=checkbox]", "Innovatie in de zorg").click();
		find<HTMLInputElement>("input[type=checkbox]", "Mijn idee wil structureel").click();
		await pass(0);
		button("Plaats je idee").click();
		await pass(0);
		expect(world.last.sent[0]).toMatchObject({
			type: "idea.post",
			data: {
				title: "Bank in de zon",
				text: "",
				need: "Ouderen",
				innovation: ["service"],
				themes: ["Groen"],
				nodes: ["care"],
				definition: { need: true, novelty: false },
			},
		});
		expect(closed).toEqual([]);
		world.last.reply(world.last.sent[0]!.id, 11, { idea: ideaID(9) });
		await pass(0);
		expect(closed).toEqual([ideaID(9)]);
	});

	test("a refusal leaves everything as it was typed", async () => {
		const { world, room, closed } = await composer();
		await type(find("input", "Titel"), "Bank");
		find<HTMLInputElement>("input[type=checkbox]", "Product").click();
		await pass(0);
		button("Plaats je idee").click();
		await pass(0);
		world.last.refuse(world.last.sent[0]!.id, "bad_request", "Deze titel mag niet.", "title");
		await pass(500);
		expect(closed).toEqual([]);
		expect(document.body.textContent).toContain("Deze titel mag niet.");
		expect(find<HTMLInputElement>("input", "Titel").value).toBe("Bank");
		expect(room.outbox.entries.value).toEqual([]);
		expect(await room.shelf.draft(`${roomID}/composer`)).toMatchObject({ title: "Bank" });
	});

	test("without a connection it closes, and the contribution waits", async () => {
		const { world, room, closed } = await composer();
		world.last.cut();
		await type(find("input", "Titel"), "Bank");
		find<HTMLInputElement>("input[type=checkbox]", "Product").click();
		await pass(0);
		button("Plaats je idee").click();
		await pass(2_000);
		expect(closed).toEqual([undefined]);
		expect((await room.shelf.all(roomID)).map((w) => w.data.title)).toEqual(["Bank"]);
		expect(await room.shelf.draft(`${roomID}/composer`)).toBeUndefined();
	});

	test("what is typed is kept and comes back", async () => {
		const { room } = await composer();
		await type(find("input", "Titel"), "Half af");
		await pass(400);
		render(null, app());
		render(<Composer room={room} campaign={campaign()} onClose={() => {}} />, app());
		await pass(10);
		expect(find<HTMLInputElement>("input", "Titel").value).toBe("Half af");
		expect(document.body.textContent).toContain("Hier is je tekst van daarnet.");
	});

	test("what looks like it is shown while the title is typed, can be supported there, and goes on wish", async () => {
		const { world } = await composer();
		world.answers[`/campaigns/${roomID}/similar`] = { ideas: [{ id: ideaID(2) }, { id: ideaID(77) }, { id: ideaID(1) }] };
		await type(find("input", "Titel"), "Bank");
		await pass(600);
		expect(world.posted).toEqual([]); // too short to look like anything
		await type(find("input", "Titel"), "Bank in de zo");
		await pass(300);
		await type(find("input", "Titel"), "Bank in de zon");
		await pass(600);
		expect(world.posted).toEqual([{ path: `/campaigns/${roomID}/similar`, body: { title: "Bank in de zon", text: "" } }]);
		const box = find("section", "Lijkt dit op jouw idee?");
		expect([...box.querySelectorAll("a")].map((a) => a.getAttribute("href"))).toEqual([
			`/c/${roomID}/idea/${ideaID(2)}`,
			`/c/${roomID}/idea/${ideaID(1)}`,
		]); // one that this page does not know is left out
		button("Steun, Idee 2").click();
		await pass(0);
		expect(world.last.sent[0]).toMatchObject({ type: "support.set", data: { idea: ideaID(2), value: 1 } });
		button("Mijn idee is anders").click();
		await pass(0);
		expect(document.body.textContent).not.toContain("Lijkt dit op jouw idee?");
		await type(find("input", "Titel"), "Bank in de volle zon");
		await pass(600);
		expect(world.posted.length).toBe(1);
	});

	test("without an answer about look-alikes an idea is written all the same", async () => {
		const { world } = await composer();
		world.answers[`/campaigns/${roomID}/similar`] = new Error("away");
		await type(find("input", "Titel"), "Bank in de zon");
		await pass(600);
		expect(document.querySelector("section.note")).toBeNull();
	});

	test("a text over the limit of the campaign is told, not cut", async () => {
		const { world } = await composer({ settings: { ...campaign().settings, text_max: 20 } });
		await type(find("input", "Titel"), "Bank");
		await type(find("textarea", "Je idee"), "x".repeat(21));
		expect(document.body.textContent).toContain("21 van 20 tekens");
		button("Plaats je idee").click();
		await pass(50);
		expect(document.body.textContent).toContain("Dit is te lang: hoogstens 20 tekens.");
		expect(world.last.sent).toEqual([]);
	});
});

describe("an idea", () => {
	async function page(i = idea(1), hello: object = {}) {
		const { world, room } = await enter([i], hello);
		render(<IdeaPage room={room} campaign={room.board.campaign.value!} id={i.id} />, app());
		await pass(10);
		return { world, room };
	}

	test("a comment needs a kind, goes once, and a reply names what it answers", async () => {
		const c = {
			id: "c1",
			kind: "question",
			text: "Wie betaalt dat?",
			status: "posted",
			author: idea(1).authors[0]!,
			at: "2026-11-01T08:00:00Z",
		};
		const { world } = await page(idea(1, { comments: [c] }));
		find<HTMLInputElement>("input[type=radio]", "Ervaring").click();
		await pass(0);
		await type(find("textarea", "Je reactie"), "Bij ons lukt het.");
		button("Plaats je reactie").click();
		await pass(0);
		expect(world.last.sent[0]).toMatchObject({
			type: "comment.post",
			data: { idea: ideaID(1), kind: "experience", text: "Bij ons lukt het." },
		});
		expect(world.last.sent[0]!.data).not.toHaveProperty("reply_to");
		button("Antwoord, Wie betaalt dat?").click();
		await pass(0);
		const form = document.querySelector<HTMLFormElement>('form[aria-label="Antwoord"]')!;
		await type(form.querySelector("textarea")!, "De stad.");
		form.requestSubmit();
		await pass(0);
		expect(world.last.sent[1]).toMatchObject({ data: { reply_to: "c1", kind: "experience", text: "De stad." } });
	});

	test("figures by group are shown as they were released", async () => {
		await page(idea(1, { support: { total: 24, by_group: { citizen: 13, other: 11 } } }));
		const terms = [...document.querySelectorAll("dt")].map((d) => [d.textContent, d.nextElementSibling!.textContent]);
		expect(terms).toEqual([
			["Burger", "13"],
			["Andere groepen samen", "11"],
		]);
	});

	test("one's own can be changed and withdrawn, another's reported", async () => {
		await page(idea(1));
		expect(() => button("Bewerk")).toThrow();
		button("Meld").click();
		await pass(0);
		render(null, app());
		await page(idea(1, { authors: [{ id: selfID, name: "Ana", group: "citizen" }] }));
		expect(() => button("Meld")).toThrow();
		button("Trek in");
		button("Bewerk");
	});

	test("an edit sends what changed and nothing else", async () => {
		const { world } = await page(idea(1, { authors: [{ id: selfID, name: "Ana", group: "citizen" }] }));
		button("Bewerk").click();
		await pass(10);
		await type(find("input", "Titel"), "Beter");
		button("Bewaar").click();
		await pass(0);
		expect(world.last.sent[0]).toMatchObject({ type: "idea.edit", data: { idea: ideaID(1), title: "Beter" }, n: 1 });
		expect(Object.keys(world.last.sent[0]!.data as object).sort()).toEqual(["idea", "title"]);
	});

	test("its author reads what it lacks to be chosen", async () => {
		await page(idea(1, { incomplete: ["need", "definition"], authors: [{ id: selfID, name: "Ana", group: "citizen" }] }));
		expect(document.body.textContent).toContain("mist dit idee nog: de behoefte en de twee kruisjes van de zelfcheck.");
	});

	test("an idea that is not there says so", async () => {
		const { room } = await enter([]);
		render(<IdeaPage room={room} campaign={room.board.campaign.value!} id={ideaID(5)} />, app());
		expect(document.querySelector("h1")!.textContent).toBe("Dit idee is er niet");
	});
});

describe("one's own contributions", () => {
	test("have their real status", async () => {
		const own = { authors: [{ id: selfID, name: "Ana", group: "citizen" }] };
		const { world, room } = await enter([idea(1, own)], {
			me: me({
				authored: [ideaID(1), ideaID(2), ideaID(3)],
				ideas: [idea(2, { ...own, status: "waiting" }), idea(3, { ...own, status: "rejected", reason: "Dubbel." })],
			}),
		});
		void room.contribute("comment.post", { idea: ideaID(1), kind: "question", text: "Hoe dan?" });
		await pass(200);
		world.last.refuse(world.last.sent[0]!.id, "rate_limited");
		render(<Mine room={room} compose={() => {}} />, app());
		await pass(0);
		const text = document.body.textContent!;
		for (const words of ["Geplaatst", "Wacht op nazicht", "Niet geplaatst", "Dubbel.", "Wordt verstuurd", "Hoe dan?"])
			expect(text).toContain(words);
	});
});
