/** A draft is kept while it is typed, and comes back when the form is opened again. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Draft, Shelf } from "../store/shelf.ts";

/** How long after the last key a draft is kept. */
const PAUSE_MS = 300;

/** The fields of a form, kept under a key. ready is false until an earlier draft was looked for. */
export function useDraft<T extends object>(
	shelf: Shelf,
	key: string,
	empty: T,
): { fields: Signal<T>; ready: Signal<boolean>; restored: Signal<boolean>; drop: () => void } {
	const fields = useSignal(empty);
	const ready = useSignal(false);
	const restored = useSignal(false);
	useEffect(() => {
		let there = true;
		ready.value = false;
		shelf
			.draft(key)
			.catch(() => undefined)
			.then((d) => {
				if (!there) return;
				if (d) {
					fields.value = { ...empty, ...(d as Partial<T>) };
					restored.value = true;
				}
				ready.value = true;
			});
		return () => {
			there = false;
		};
	}, [key]);
	useEffect(() => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let unsaved: T | null = null;
		const save = () => {
			clearTimeout(timer);
			if (unsaved) void shelf.keep(key, unsaved as unknown as Draft).catch(() => {});
			unsaved = null;
		};
		const stop = fields.subscribe((value) => {
			if (!ready.peek() || value === empty) return;
			unsaved = value;
			clearTimeout(timer);
			timer = setTimeout(save, PAUSE_MS);
		});
		addEventListener("pagehide", save);
		return () => {
			stop();
			removeEventListener("pagehide", save);
			save();
		};
	}, [key]);
	return {
		fields,
		ready,
		restored,
		drop: () => {
			fields.value = empty;
			restored.value = false;
			void shelf.drop(key).catch(() => {});
		},
	};
}
