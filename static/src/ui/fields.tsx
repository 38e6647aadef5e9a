/** Fields with their label, hint, counter and what is wrong with them. */
import type { ComponentChildren, Ref } from "preact";
import { useId } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { Icon } from "./icons.tsx";

interface Common {
	label: string;
	hint?: string;
	wrong?: string;
	optional?: boolean;
	value: string;
	onValue: (value: string) => void;
	/** UTF-16 units */
	max?: number;
}

/** Marks what is optional: most fields are needed. The mark describes the field and is no part of its name. */
function Optional({ id, on }: { id: string; on?: boolean }) {
	if (!on) return null;
	return (
		<span class="quiet small optional" id={`${id}-optional`}>
			({t("ui.optional")})
		</span>
	);
}

function described(id: string, p: { hint?: string; wrong?: string; optional?: boolean }): string | undefined {
	const list = [p.optional ? `${id}-optional` : "", p.hint ? `${id}-hint` : "", p.wrong ? `${id}-wrong` : ""].filter(Boolean).join(" ");
	return list || undefined;
}

export function Wrong({ id, text }: { id?: string; text?: string }) {
	if (!text) return null;
	return (
		<p class="wrong" id={id}>
			<Icon name="circle-alert" />
			<span>{text}</span>
		</p>
	);
}

function Count({ value, max }: { value: string; max?: number }) {
	if (!max || value.length < max * 0.6) return null;
	return <span class={`count ${value.length > max ? "over" : ""}`}>{t("ui.count", { n: value.length, max })}</span>;
}

export function TextField(
	p: Common & {
		type?: "text" | "search";
		name?: string;
		autocomplete?: string;
		autocapitalize?: "characters" | "none";
		inputmode?: "text" | "numeric" | "search";
		inputRef?: Ref<HTMLInputElement>;
		hideLabel?: boolean;
		spellcheck?: boolean;
	},
) {
	const id = useId();
	return (
		<div class="field">
			<div class={p.hideLabel ? "hidden" : ""}>
				<label for={id}>{p.label}</label> <Optional id={id} on={p.optional} />
			</div>
			{p.hint && (
				<p class="hint" id={`${id}-hint`}>
					{p.hint}
				</p>
			)}
			<input
				placeholder={p.hideLabel ? p.label : undefined}
				class="input"
				id={id}
				ref={p.inputRef}
				type={(p.type ?? "text") as "text"}
				name={p.name}
				value={p.value}
				autocomplete={p.autocomplete ?? "off"}
				autocapitalize={p.autocapitalize}
				inputMode={p.inputmode}
				spellcheck={p.spellcheck}
				aria-describedby={described(id, p)}
				aria-invalid={p.wrong ? true : undefined}
				onInput={(e) => p.onValue(e.currentTarget.value)}
			/>
			<Count value={p.value} max={p.max} />
			<Wrong id={`${id}-wrong`} text={p.wrong} />
		</div>
	);
}

export function TextArea(p: Common & { rows?: number; areaRef?: Ref<HTMLTextAreaElement>; hideLabel?: boolean }) {
	const id = useId();
	return (
		<div class="field">
			<div class={p.hideLabel ? "hidden" : ""}>
				<label for={id}>{p.label}</label> <Optional id={id} on={p.optional} />
			</div>
			{p.hint && (
				<p class="hint" id={`${id}-hint`}>
					{p.hint}
				</p>
			)}
			<textarea
				class="area"
				id={id}
				ref={p.areaRef}
				rows={p.rows ?? 4}
				value={p.value}
				aria-describedby={described(id, p)}
				aria-invalid={p.wrong ? true : undefined}
				onInput={(e) => p.onValue(e.currentTarget.value)}
			/>
			<Count value={p.value} max={p.max} />
			<Wrong id={`${id}-wrong`} text={p.wrong} />
		</div>
	);
}

export interface Option {
	value: string;
	label: string;
	hint?: string;
}

/** Several of a few: boxes. */
export function Boxes(p: {
	legend: string;
	hint?: string;
	wrong?: string;
	optional?: boolean;
	options: Option[];
	chosen: readonly string[];
	most?: number;
	onChosen: (next: string[]) => void;
	chips?: boolean;
}) {
	const id = useId();
	return (
		<fieldset class="stack tight" aria-describedby={described(id, { hint: p.hint, wrong: p.wrong })}>
			<legend>
				{p.legend} {p.optional && <span class="quiet small optional">({t("ui.optional")})</span>}
			</legend>
			{p.hint && (
				<p class="hint" id={`${id}-hint`}>
					{p.hint}
				</p>
			)}
			<div class={`choices ${p.chips ? "chips" : ""}`}>
				{p.options.map((o) => {
					const on = p.chosen.includes(o.value);
					return (
						<label key={o.value} class="choice">
							<input
								type="checkbox"
								checked={on}
								disabled={!on && p.most !== undefined && p.chosen.length >= p.most}
								onChange={() => p.onChosen(on ? p.chosen.filter((v) => v !== o.value) : [...p.chosen, o.value])}
							/>
							<span>
								{o.label}
								{o.hint && <span class="hint"> {o.hint}</span>}
							</span>
						</label>
					);
				})}
			</div>
			<Wrong id={`${id}-wrong`} text={p.wrong} />
		</fieldset>
	);
}

/** One of a few: circles. */
export function Circles(p: {
	legend: string;
	hint?: string;
	wrong?: string;
	options: Option[];
	chosen: string;
	onChosen: (next: string) => void;
	chips?: boolean;
}) {
	const id = useId();
	return (
		<fieldset class="stack tight" aria-describedby={described(id, p)}>
			<legend>{p.legend}</legend>
			{p.hint && (
				<p class="hint" id={`${id}-hint`}>
					{p.hint}
				</p>
			)}
			<div class={`choices ${p.chips ? "chips" : ""}`}>
				{p.options.map((o) => (
					<label key={o.value} class="choice">
						<input type="radio" name={id} value={o.value} checked={p.chosen === o.value} onChange={() => p.onChosen(o.value)} />
						<span>
							{o.label}
							{o.hint && <span class="hint"> {o.hint}</span>}
						</span>
					</label>
				))}
			</div>
			<Wrong id={`${id}-wrong`} text={p.wrong} />
		</fieldset>
	);
}

export function Box(p: { checked: boolean; onChecked: (on: boolean) => void; children: ComponentChildren }) {
	return (
		<label class="choice">
			<input type="checkbox" checked={p.checked} onChange={(e) => p.onChecked(e.currentTarget.checked)} />
			<span>{p.children}</span>
		</label>
	);
}

export function Select(p: { label: string; value: string; options: Option[]; onValue: (value: string) => void; hideLabel?: boolean }) {
	const id = useId();
	return (
		<div class="field">
			<label for={id} class={p.hideLabel ? "hidden" : ""}>
				{p.label}
			</label>
			<select class="select" id={id} value={p.value} onChange={(e) => p.onValue(e.currentTarget.value)}>
				{p.options.map((o) => (
					<option key={o.value} value={o.value} selected={o.value === p.value}>
						{o.label}
					</option>
				))}
			</select>
		</div>
	);
}
