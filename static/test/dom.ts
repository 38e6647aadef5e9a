/** The page in a document in memory, and what one finds in it by name. */
import { Room } from "../src/store/room.ts";
import { MemoryStorage, StorageShelf } from "../src/store/shelf.ts";
import { FakeWorld, idea, pass, roomID, settled, snapshot } from "./world.ts";

export const app = () => document.getElementById("app")!;

export async function enter(ideas = [idea(1), idea(2)], hello: object = {}) {
	const world = new FakeWorld();
	world.answers[`/campaigns/${roomID}`] = snapshot(ideas);
	const room = new Room(roomID, new StorageShelf(new MemoryStorage()), world);
	await room.start();
	world.last.hello(hello);
	await settled();
	return { world, room };
}

/** The accessible name as far as these pages need it: aria-label, label, or the text. */
export function nameOf(e: Element): string {
	const label =
		e.getAttribute("aria-label") ??
		(e.id ? document.querySelector(`label[for="${e.id}"]`)?.textContent : null) ??
		e.closest("label")?.textContent ??
		e.textContent;
	return (label ?? "").replace(/\s+/g, " ").trim();
}
export function find<T extends Element>(selector: string, name: string): T {
	const all = [...document.querySelectorAll<T>(selector)];
	const hit = all.find((e) => nameOf(e).startsWith(name));
	if (!hit) throw new Error(`no ${selector} named ${name}; there are: ${all.map(nameOf).join(" | ")}`);
	return hit;
}
export const button = (name: string) => find<HTMLButtonElement>("button", name);
export async function type(e: HTMLInputElement | HTMLTextAreaElement, text: string) {
	e.value = text;
	e.dispatchEvent(new Event("input", { bubbles: true }));
	await pass(0);
}
