/** A text to copy. On plain HTTP a page may not write to the clipboard: then the text is selected, and the old way of copying is tried. */
import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { Icon } from "./icons.tsx";
import { say } from "./voice.tsx";

export function CopyField({ label, value }: { label: string; value: string }) {
	const id = useId();
	const input = useRef<HTMLInputElement>(null);
	const done = useSignal("");
	const copy = async () => {
		let ok = false;
		try {
			await navigator.clipboard.writeText(value);
			ok = true;
		} catch {
			input.current?.select();
			ok = document.execCommand?.("copy") ?? false;
		}
		done.value = ok ? t("copy.done") : t("copy.byhand");
		say(done.value);
	};
	return (
		<div class="field">
			<label for={id}>{label}</label>
			<div class="row">
				<div class="grow">
					<input class="input" id={id} ref={input} readOnly value={value} onFocus={(e) => e.currentTarget.select()} />
				</div>
				<button aria-label={`${t("copy.copy")}, ${label}`} type="button" class="btn" onClick={() => void copy()}>
					<Icon name="copy" />
					{t("copy.copy")}
				</button>
			</div>
			{done.value && <p class="hint">{done.value}</p>}
		</div>
	);
}
