/** A sheet is a native modal dialog: from below on a phone, in the middle elsewhere. The browser holds the focus inside and gives it back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { Icon } from "./icons.tsx";

export function Sheet(props: { title: string; onClose: () => void; children: ComponentChildren; foot?: ComponentChildren }) {
	const ref = useRef<HTMLDialogElement>(null);
	const title = useId();
	useEffect(() => {
		const d = ref.current!;
		const before = document.activeElement;
		if (!d.open) d.showModal();
		return () => {
			if (d.open) d.close();
			if (before instanceof HTMLElement && before.isConnected) before.focus();
		};
	}, []);
	return (
		<dialog
			ref={ref}
			aria-labelledby={title}
			onCancel={(e) => {
				e.preventDefault();
				props.onClose();
			}}
		>
			<div class="sheet-head">
				<h2 id={title}>{props.title}</h2>
				<button type="button" class="btn bare slim" aria-label={t("ui.close")} onClick={props.onClose}>
					<Icon name="x" />
				</button>
			</div>
			<div class="sheet-body">{props.children}</div>
			{props.foot && <div class="sheet-foot">{props.foot}</div>}
		</dialog>
	);
}

/** A question that has to be answered before something that cannot be taken back. */
export function Confirm(props: {
	title: string;
	children: ComponentChildren;
	yes: string;
	danger?: boolean;
	busy?: boolean;
	onYes: () => void;
	onNo: () => void;
}) {
	return (
		<Sheet
			title={props.title}
			onClose={props.onNo}
			foot={
				<>
					<button type="button" class="btn" onClick={props.onNo}>
						{t("ui.cancel")}
					</button>
					<button
						type="button"
						class={`btn main ${props.danger ? "danger" : ""}`}
						aria-disabled={props.busy}
						onClick={() => !props.busy && props.onYes()}
					>
						{props.yes}
					</button>
				</>
			}
		>
			<div class="stack">{props.children}</div>
		</Sheet>
	);
}
