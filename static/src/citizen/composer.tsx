/** Writing an idea, or changing one. What is typed is kept from the first letter on. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { label, t } from "../i18n/index.ts";
import { useDraft } from "../lib/draft.ts";
import { innovationNodes, innovationTypes } from "../lib/vocabulary.ts";
import type { Campaign, Idea } from "../protocol.ts";
import type { Outcome } from "../store/outbox.ts";
import type { Room } from "../store/room.ts";
import { Box, Boxes, TextArea, TextField, Wrong } from "../ui/fields.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { alarm, say } from "../ui/voice.tsx";
import { Lookalikes } from "./lookalikes.tsx";

const TITLE_MAX = 120;
const NEED_MAX = 500;
const THEMES_MAX = 5;
const NODES_MAX = 2;
/** What one command may bring of a text. */
const POSTED_MAX = 8192;
/** A form that waits longer than this for its answer closes: the contribution is kept and goes by itself. */
const ANSWER_MS = 1500;

interface Fields {
	title: string;
	text: string;
	need: string;
	themes: string[];
	nodes: string[];
	innovation: string[];
	definition: { need: boolean; novelty: boolean };
}

const blank: Fields = { title: "", text: "", need: "", themes: [], nodes: [], innovation: [], definition: { need: false, novelty: false } };

function fieldsOf(i: Idea): Fields {
	return {
		title: i.title,
		text: i.text,
		need: i.need,
		themes: i.themes,
		nodes: i.nodes,
		innovation: i.innovation,
		definition: { need: i.definition?.need ?? false, novelty: i.definition?.novelty ?? false },
	};
}

/** The draft of a new idea, also of one that was refused and is written anew. */
export function draftKey(room: Room, idea?: string): string {
	return `${room.id}/${idea ? `edit/${idea}` : "composer"}`;
}

export function Composer({
	room,
	campaign,
	idea,
	onClose,
}: {
	room: Room;
	campaign: Campaign;
	idea?: Idea;
	onClose: (posted?: string) => void;
}) {
	const was = useRef(idea ? fieldsOf(idea) : blank).current;
	const key = draftKey(room, idea?.id);
	const { fields, ready, restored, drop } = useDraft<Fields>(room.shelf, key, was);
	const wrong = useSignal<{ field: string; text: string } | null>(null);
	const busy = useSignal(false);
	const title = useRef<HTMLInputElement>(null);
	const form = useRef<HTMLFormElement>(null);
	useEffect(() => {
		if (ready.value) title.current?.focus();
	}, [ready.value]);
	const f = fields.value;
	const textMax = Math.min(campaign.settings.text_max, POSTED_MAX);
	const set = (change: Partial<Fields>) => {
		fields.value = { ...fields.value, ...change };
		if (wrong.value && wrong.value.field in change) wrong.value = null;
	};
	const at = (field: string) => (wrong.value?.field === field ? wrong.value.text : "");
	const fail = (field: string, text: string) => {
		wrong.value = { field, text };
		alarm(text);
		busy.value = false;
		requestAnimationFrame(() => {
			const place = form.current?.querySelector<HTMLElement>("[aria-invalid=true], fieldset:has(.wrong) input, .wrong");
			place?.focus();
			place?.scrollIntoView({ block: "center" });
		});
	};
	const submit = async (e?: Event) => {
		e?.preventDefault();
		if (busy.value) return;
		const said = { ...f, title: f.title.trim(), text: f.text.trim(), need: f.need.trim() };
		if (!said.title) return fail("title", t("compose.title.empty"));
		if (said.title.length > TITLE_MAX) return fail("title", t("compose.toolong", { max: TITLE_MAX }));
		if (said.text.length > textMax) return fail("text", t("compose.toolong", { max: textMax }));
		if (said.need.length > NEED_MAX) return fail("need", t("compose.toolong", { max: NEED_MAX }));
		if (said.innovation.length === 0) return fail("innovation", t("compose.innovation.empty"));
		wrong.value = null;
		const data = idea ? changes(was, said) : said;
		if (idea && Object.keys(data).length === 0) {
			drop();
			onClose();
			return;
		}
		busy.value = true;
		const sent = idea
			? room.contribute("idea.edit", { idea: idea.id, ...data }, { draft: key, set: true })
			: room.contribute("idea.post", data as unknown as Record<string, unknown>, { draft: key });
		const o = await Promise.race([sent, new Promise<null>((r) => setTimeout(r, ANSWER_MS, null))]);
		if (o && !o.ok) {
			discardRefused(room, said.title);
			fields.value = { ...fields.value };
			const field = ["title", "text", "need", "innovation", "themes", "nodes"].includes(o.field) ? o.field : "";
			return fail(field, o.message);
		}
		drop();
		if (!o) {
			say(t("send.kept"));
			void sent.then((late) => tell(room, late));
		} else
			say(
				idea
					? t("compose.changed")
					: campaign.settings.moderation === "pre" && !room.moderator.value
						? t("compose.waits")
						: t("compose.posted"),
			);
		onClose(o?.ok && typeof o.data.idea === "string" ? o.data.idea : undefined);
	};
	const preview = campaign.settings.moderation === "pre" && !room.moderator.value;
	return (
		<Sheet
			title={idea ? t("compose.edit") : t("compose.new")}
			onClose={() => onClose()}
			foot={
				<>
					<button type="button" class="btn" onClick={() => onClose()}>
						{t("compose.later")}
					</button>
					<button type="button" class="btn main" aria-disabled={busy.value} onClick={() => void submit()}>
						{busy.value ? t("send.sending") : idea ? t("compose.save") : t("compose.submit")}
					</button>
				</>
			}
		>
			<form ref={form} class="stack wide" onSubmit={submit} noValidate>
				{restored.value && (
					<p class="note">
						<span class="grow">{t("compose.restored")}</span>
						<button type="button" class="btn bare slim" onClick={drop}>
							{t("compose.restart")}
						</button>
					</p>
				)}
				{preview && <p class="hint">{t("compose.premoderated")}</p>}
				<TextField
					label={t("compose.title")}
					hint={t("compose.title.hint")}
					value={f.title}
					onValue={(title) => set({ title })}
					max={TITLE_MAX}
					wrong={at("title")}
					inputRef={title}
				/>
				{!idea && <Lookalikes room={room} title={f.title} text={f.text} />}
				<TextArea
					label={t("compose.text")}
					hint={t("compose.text.hint")}
					optional
					value={f.text}
					onValue={(text) => set({ text })}
					max={textMax}
					rows={5}
					wrong={at("text")}
				/>
				<TextArea
					label={t("compose.need")}
					hint={t("compose.need.hint")}
					optional
					value={f.need}
					onValue={(need) => set({ need })}
					max={NEED_MAX}
					rows={2}
					wrong={at("need")}
				/>
				<Boxes
					legend={t("compose.innovation")}
					hint={t("compose.innovation.hint")}
					options={innovationTypes.map((value) => ({ value, label: label("innovation", value) }))}
					chosen={f.innovation}
					onChosen={(innovation) => set({ innovation })}
					wrong={at("innovation")}
					chips
				/>
				{campaign.challenge.themes.length > 0 && (
					<Boxes
						legend={t("compose.themes")}
						optional
						options={campaign.challenge.themes.map((value) => ({ value, label: value }))}
						chosen={f.themes}
						most={THEMES_MAX}
						onChosen={(themes) => set({ themes })}
						wrong={at("themes")}
						chips
					/>
				)}
				<Boxes
					legend={t("compose.nodes")}
					hint={t("compose.nodes.hint")}
					optional
					options={innovationNodes.map((value) => ({ value, label: label("node", value) }))}
					chosen={f.nodes}
					most={NODES_MAX}
					onChosen={(next) => set({ nodes: next })}
					wrong={at("nodes")}
					chips
				/>
				<fieldset class="stack tight">
					<legend>{t("check.title")}</legend>
					<p class="hint">{t("check.hint")}</p>
					<Box checked={f.definition.need} onChecked={(need) => set({ definition: { ...f.definition, need } })}>
						{t("check.need")}
					</Box>
					<Box checked={f.definition.novelty} onChecked={(novelty) => set({ definition: { ...f.definition, novelty } })}>
						{t("check.novelty")}
					</Box>
				</fieldset>
				<Wrong text={at("")} />
				<button type="submit" class="hidden" tabIndex={-1} aria-hidden="true" />
			</form>
		</Sheet>
	);
}

/** The fields that differ. */
function changes(was: Fields, now: Fields): Record<string, unknown> {
	const out: Record<string, unknown> = {};
	for (const key of Object.keys(blank) as (keyof Fields)[]) {
		if (JSON.stringify(was[key]) !== JSON.stringify(now[key])) out[key] = now[key];
	}
	return out;
}

/** The text is in the form again, so the outbox need not keep it. */
function discardRefused(room: Room, title: string): void {
	for (const e of room.outbox.entries.value) {
		if (e.state === "refused" && (e.data.title === title || e.data.title === undefined) && e.type.startsWith("idea."))
			room.outbox.discard(e.id);
	}
}

/** An answer that came after the form had closed. */
export function tell(room: Room, o: Outcome): void {
	if (o.ok) {
		say(t("send.done"));
		return;
	}
	const text = t("send.refused", { reason: o.message });
	room.notice.value = { text };
	alarm(text);
}
