/** What a campaign is made of: the question, its words, and its rules. For a new campaign and for changing one. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { label, languages, t } from "../i18n/index.ts";
import { innovationNodes } from "../lib/vocabulary.ts";
import type { Campaign } from "../protocol.ts";
import { Box, Boxes, Circles, TextArea, TextField, Wrong } from "../ui/fields.tsx";
import { alarm } from "../ui/voice.tsx";

export interface CampaignFields {
	title: string;
	question: string;
	text: string;
	themes: string;
	nodes: string[];
	languages: string[];
	moderation: string;
	attendance: string;
	small_cell: string;
	text_max: string;
	support_against: boolean;
}

export const newCampaign: CampaignFields = {
	title: "",
	question: "",
	text: "",
	themes: "",
	nodes: [],
	languages: ["nl"],
	moderation: "post",
	attendance: "500",
	small_cell: "5",
	text_max: "1000",
	support_against: false,
};

export function fieldsOf(c: Campaign): CampaignFields {
	return {
		title: c.title,
		question: c.challenge.title,
		text: c.challenge.text,
		themes: c.challenge.themes.join("\n"),
		nodes: c.challenge.nodes,
		languages: c.languages,
		moderation: c.settings.moderation,
		attendance: String(c.settings.attendance),
		small_cell: String(c.settings.small_cell),
		text_max: String(c.settings.text_max),
		support_against: c.settings.support_against,
	};
}

/** The fields as the server takes them. */
export function bodyOf(f: CampaignFields): Record<string, unknown> {
	return {
		title: f.title.trim(),
		challenge: {
			title: f.question.trim(),
			text: f.text.trim(),
			nodes: f.nodes,
			themes: f.themes
				.split("\n")
				.map((x) => x.trim())
				.filter(Boolean),
		},
		languages: f.languages,
		settings: {
			moderation: f.moderation,
			attendance: Number(f.attendance),
			small_cell: Number(f.small_cell),
			text_max: Number(f.text_max),
			support_against: f.support_against,
		},
	};
}

/** What went wrong, and where: the field as the server names it. */
export type Trouble = { field: string; text: string } | null;

export function CampaignForm(p: { start: CampaignFields; submit: string; draft?: boolean; send: (f: CampaignFields) => Promise<Trouble> }) {
	const fields = useSignal(p.start);
	const wrong = useSignal<Trouble>(null);
	const busy = useSignal(false);
	const form = useRef<HTMLFormElement>(null);
	const first = useRef<HTMLInputElement>(null);
	useEffect(() => {
		if (p.draft) first.current?.focus();
	}, []);
	const f = fields.value;
	const set = (change: Partial<CampaignFields>) => {
		fields.value = { ...fields.value, ...change };
		wrong.value = null;
	};
	const at = (...names: string[]) => (wrong.value && names.includes(wrong.value.field) ? wrong.value.text : "");
	const fields_ = [
		"title",
		"challenge.title",
		"challenge.text",
		"challenge.themes",
		"challenge.nodes",
		"settings.attendance",
		"settings.small_cell",
		"settings.text_max",
	];
	const fail = (trouble: { field: string; text: string }) => {
		wrong.value = fields_.includes(trouble.field) ? trouble : { field: "", text: trouble.text };
		alarm(trouble.text);
		requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
	};
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy.value) return;
		if (!f.title.trim()) return fail({ field: "title", text: t("setup.title.empty") });
		for (const [key, name] of [
			["attendance", "settings.attendance"],
			["small_cell", "settings.small_cell"],
			["text_max", "settings.text_max"],
		] as const) {
			if (!/^\d{1,6}$/.test(f[key].trim())) return fail({ field: name, text: t("setup.number") });
		}
		busy.value = true;
		wrong.value = null;
		const trouble = await p.send(f);
		busy.value = false;
		if (trouble) fail(trouble);
	};
	return (
		<form ref={form} class="stack wide" onSubmit={submit} noValidate>
			<TextField
				label={t("setup.title")}
				hint={t("setup.title.hint")}
				value={f.title}
				onValue={(title) => set({ title })}
				max={200}
				wrong={at("title")}
				inputRef={first}
			/>
			<TextField
				label={t("setup.question")}
				hint={t("setup.question.hint")}
				value={f.question}
				onValue={(question) => set({ question })}
				max={200}
				optional={p.draft}
				wrong={at("challenge.title")}
			/>
			<TextArea
				label={t("setup.text")}
				hint={p.draft ? t("setup.text.hint.draft") : t("setup.text.hint")}
				value={f.text}
				onValue={(text) => set({ text })}
				max={10000}
				rows={5}
				optional={p.draft}
				wrong={at("challenge.text")}
			/>
			<TextArea
				label={t("setup.themes")}
				hint={t("setup.themes.hint")}
				value={f.themes}
				onValue={(themes) => set({ themes })}
				rows={3}
				optional
				wrong={at("challenge.themes")}
			/>
			<Boxes
				legend={t("setup.nodes")}
				optional
				options={innovationNodes.map((value) => ({ value, label: label("node", value) }))}
				chosen={f.nodes}
				onChosen={(nodes) => set({ nodes })}
				wrong={at("challenge.nodes")}
				chips
			/>
			<Boxes
				legend={t("setup.languages")}
				options={Object.entries(languages).map(([value, name]) => ({ value, label: name }))}
				chosen={f.languages}
				onChosen={(next) => set({ languages: next.length ? next : f.languages })}
				chips
			/>
			<Circles
				legend={t("setup.moderation")}
				options={[
					{ value: "post", label: t("setup.moderation.post") },
					{ value: "pre", label: t("setup.moderation.pre") },
				]}
				chosen={f.moderation}
				onChosen={(moderation) => set({ moderation })}
			/>
			<Box checked={f.support_against} onChecked={(support_against) => set({ support_against })}>
				{t("setup.against")}
			</Box>
			<TextField
				label={t("setup.attendance")}
				hint={t("setup.attendance.hint")}
				inputmode="numeric"
				value={f.attendance}
				onValue={(attendance) => set({ attendance })}
				wrong={at("settings.attendance")}
			/>
			<TextField
				label={t("setup.smallcell")}
				hint={t("setup.smallcell.hint")}
				inputmode="numeric"
				value={f.small_cell}
				onValue={(small_cell) => set({ small_cell })}
				wrong={at("settings.small_cell")}
			/>
			<TextField
				label={t("setup.textmax")}
				inputmode="numeric"
				value={f.text_max}
				onValue={(text_max) => set({ text_max })}
				wrong={at("settings.text_max")}
			/>
			<Wrong text={at("")} />
			<div>
				<button type="submit" class="btn main large" aria-disabled={busy.value}>
					{p.submit}
				</button>
			</div>
		</form>
	);
}
