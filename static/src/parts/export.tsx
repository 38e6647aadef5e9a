/** Taking results home: which form, which ideas, in which order and language. The file itself is the server's answer to a link. */
import { useSignal } from "@preact/signals";
import { language, t } from "../i18n/index.ts";
import { Box, Select, TextField } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";

export interface ExportChoice {
	format: string;
	measure: string;
	top: string;
	groupMin: string;
	lang: string;
	names: boolean;
}

const formats = ["xlsx", "csv", "json", "zip"] as const;
const measures = ["support", "bridging"] as const;
/** Files come in more languages than the page. */
const languages = { nl: "Nederlands", en: "English", fr: "Français", de: "Deutsch" };

/** A whole number from 1, or nothing. */
const isNumber = (text: string) => /^\s*([1-9]\d{0,5})?\s*$/.test(text);

/** The address of the file, without what the server assumes anyway. */
export function exportAddress(campaign: string, c: ExportChoice): string {
	const q = new URLSearchParams({ format: c.format, measure: c.measure, lang: c.lang });
	if (c.top.trim()) q.set("top", c.top.trim());
	if (c.groupMin.trim()) q.set("group_min", c.groupMin.trim());
	if (!c.names) q.set("names", "no");
	return `/api/v1/campaigns/${campaign}/export?${q}`;
}

export function ExportForm(p: { campaign: string; name: string; organiser: boolean }) {
	const choice = useSignal<ExportChoice>({ format: "xlsx", measure: "support", top: "", groupMin: "", lang: language.value, names: true });
	const c = choice.value;
	const set = (change: Partial<ExportChoice>) => (choice.value = { ...choice.value, ...change });
	const wrong = (text: string) => (isNumber(text) ? "" : t("export.number"));
	const good = isNumber(c.top) && isNumber(c.groupMin);
	return (
		<div class="stack">
			<Select
				label={t("export.format")}
				value={c.format}
				options={formats.map((value) => ({ value, label: t(`export.format.${value}`) }))}
				onValue={(format) => set({ format })}
			/>
			<Select
				label={t("export.measure")}
				value={c.measure}
				options={measures.map((value) => ({ value, label: t(`export.measure.${value}`) }))}
				onValue={(measure) => set({ measure })}
			/>
			<TextField label={t("export.top")} optional inputmode="numeric" value={c.top} wrong={wrong(c.top)} onValue={(top) => set({ top })} />
			<TextField
				label={t("export.groupmin")}
				hint={t("export.groupmin.hint")}
				optional
				inputmode="numeric"
				value={c.groupMin}
				wrong={wrong(c.groupMin)}
				onValue={(groupMin) => set({ groupMin })}
			/>
			<Select
				label={t("export.language")}
				value={c.lang}
				options={Object.entries(languages).map(([value, label]) => ({ value, label }))}
				onValue={(lang) => set({ lang })}
			/>
			{p.organiser && (
				<Box checked={c.names} onChecked={(names) => set({ names })}>
					{t("export.names")}
				</Box>
			)}
			<p>
				<a
					class="btn"
					href={good ? exportAddress(p.campaign, c) : undefined}
					aria-disabled={!good}
					role={good ? undefined : "link"}
					download={`kiem-${p.name}.${c.format}`}
				>
					<Icon name="download" />
					{t("export.download")}
				</a>
			</p>
		</div>
	);
}
