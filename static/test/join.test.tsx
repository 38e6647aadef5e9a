import { render } from "preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { JoinPage } from "../src/citizen/join.tsx";
import { use } from "../src/i18n/index.ts";
import { Connection } from "../src/ui/top.tsx";
import { app, button, enter, find, type } from "./dom.ts";
import { pass, roomID } from "./world.ts";

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

describe("the connection", () => {
	test("is silent for three seconds, then says what happens", async () => {
		const { world, room } = await enter();
		render(<Connection room={room} />, app());
		expect(app().textContent).toBe("");
		world.last.cut();
		await pass(2_500);
		for (const s of world.sockets.slice(1)) s.cut();
		expect(app().textContent).toBe("");
		await pass(1_000);
		expect(app().textContent).toContain("Opnieuw verbinden");
		void room.contribute("idea.post", { title: "A" });
		void room.contribute("idea.post", { title: "B" });
		await pass(10);
		expect(app().textContent).toContain("2 bijdragen worden straks verstuurd");
		while (room.live.state.value !== "connecting") await pass(500);
		world.last.hello();
		await pass(10);
		expect(app().textContent).toBe("");
	});

	test("says that a facilitator removed one", async () => {
		const { world, room } = await enter();
		render(<Connection room={room} />, app());
		world.last.cut(4101);
		await pass(10);
		expect(app().textContent).toContain("Een begeleider heeft je uit deze campagne gehaald.");
	});
});

describe("joining", () => {
	const invitation = {
		id: roomID,
		title: "Straten",
		stage: "collect",
		groups: ["citizen", "firm"],
		languages: ["nl"],
		challenge: { title: "Hoe dan?", text: "Zo." },
	};

	test("a join that is not answered is sent again under the same key", async () => {
		const bodies: Record<string, unknown>[] = [];
		let up = false;
		vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
			if (url.includes("/codes/")) return new Response(JSON.stringify(invitation));
			bodies.push(JSON.parse(String(init.body)));
			if (!up) throw new TypeError("network");
			return new Response(JSON.stringify({ token: "secret", participant: {}, campaign: { id: roomID, title: "Straten" } }), {
				status: 201,
			});
		});
		render(<JoinPage code="KM37QP" />, app());
		await pass(10);
		expect(document.querySelector("h1")!.textContent).toBe("Hoe dan?");
		await type(find("input", "Je naam"), "Ana");
		button("Doe mee").click();
		await pass(10);
		expect(document.body.textContent).toContain("Er is geen verbinding met de server.");
		expect(find<HTMLInputElement>("input", "Je naam").value).toBe("Ana");
		render(null, app()); // the page is loaded anew
		render(<JoinPage code="KM37QP" />, app());
		await pass(10);
		await type(find("input", "Je naam"), "Ana");
		up = true;
		button("Doe mee").click();
		await pass(10);
		expect(bodies.length).toBe(2);
		expect(bodies[1]).toEqual(bodies[0]);
		expect(bodies[0]).toMatchObject({ code: "KM37QP", name: "Ana", group: "citizen", organisation: "", channel: "" });
		expect(localStorage.getItem("kiem.join.KM37QP")).toBe(null);
		expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
		expect(location.pathname).toBe(`/c/${roomID}`);
	});

	test("an organisation is asked of those who have one", async () => {
		vi.stubGlobal("fetch", async () => new Response(JSON.stringify(invitation)));
		render(<JoinPage code="KM37QP" />, app());
		await pass(10);
		expect(() => find("input", "Je organisatie")).toThrow();
		find<HTMLInputElement>("input[type=radio]", "Onderneming").click();
		await pass(0);
		find("input", "Je organisatie");
	});
});
