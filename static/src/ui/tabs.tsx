/** Tabs after the ARIA pattern: arrow keys move between them, the panel follows. The chosen one is in the address. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import style from "./tabs.module.css";

export interface Tab {
	id: string;
	label: string;
	count?: number;
	panel: () => ComponentChildren;
}

export function Tabs({ tabs, label }: { tabs: Tab[]; label: string }) {
	const chosen = useSignal(location.hash.slice(1));
	const bar = useRef<HTMLDivElement>(null);
	const now = tabs.find((x) => x.id === chosen.value) ?? tabs[0]!;
	const choose = (tab: Tab) => {
		chosen.value = tab.id;
		history.replaceState(null, "", `#${tab.id}`);
	};
	const key = (e: KeyboardEvent) => {
		const at = tabs.indexOf(now);
		const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[e.key];
		if (step === undefined) return;
		e.preventDefault();
		const next = tabs[(step + tabs.length) % tabs.length]!;
		choose(next);
		bar.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
	};
	return (
		<>
			<div role="tablist" aria-label={label} class={style.bar} ref={bar} onKeyDown={key}>
				{tabs.map((tab) => (
					<button
						key={tab.id}
						type="button"
						role="tab"
						id={`tab-${tab.id}`}
						class={style.tab}
						aria-selected={tab === now}
						aria-controls={`panel-${tab.id}`}
						tabIndex={tab === now ? 0 : -1}
						onClick={() => choose(tab)}
					>
						{tab.label}
						{tab.count !== undefined && <span class={`figures ${style.count}`}>{tab.count}</span>}
					</button>
				))}
			</div>
			<div role="tabpanel" id={`panel-${now.id}`} aria-labelledby={`tab-${now.id}`} class={style.panel} tabIndex={0}>
				{now.panel()}
			</div>
		</>
	);
}
