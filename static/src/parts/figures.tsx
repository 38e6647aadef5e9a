/** Support for an idea: the button, the total, and the figures by group that were released. */
import { label, number, t } from "../i18n/index.ts";
import type { Idea } from "../protocol.ts";
import type { Room } from "../store/room.ts";
import { Icon } from "../ui/icons.tsx";
import { alarm } from "../ui/voice.tsx";
import style from "./figures.module.css";

/** Why a refused tap was undone, by idea: shown where it happened. */
export function SupportButtons({ room, idea, large }: { room: Room; idea: Idea; large?: boolean }) {
	const own = room.own.value.get(idea.id);
	const value = own?.wish ?? own?.value ?? 0;
	const against = room.board.campaign.value?.settings.support_against ?? false;
	const open = (room.board.campaign.value?.open.support ?? false) && room.can("support.set") && idea.status === "posted";
	const total = idea.support.total + room.lead(idea.id);
	const tap = async (to: number) => {
		const o = await room.support(idea.id, value === to ? 0 : to);
		if (!o.ok && o.code !== "offline") {
			room.notice.value = { text: o.message, idea: idea.id };
			alarm(o.message);
		}
	};
	return (
		<div class={`${style.support} ${large ? style.large : ""}`}>
			{open && (
				<button
					type="button"
					class={`btn ${style.button}`}
					aria-label={`${t("support.give")}, ${idea.title}`}
					aria-pressed={value === 1}
					onClick={() => void tap(1)}
				>
					<Icon name={value === 1 ? "check" : "thumbs-up"} />
					<span>{t("support.give")}</span>
				</button>
			)}
			{open && against && (
				<button
					type="button"
					class={`btn ${style.button}`}
					aria-label={`${t("support.against")}, ${idea.title}`}
					aria-pressed={value === -1}
					onClick={() => void tap(-1)}
				>
					<Icon name={value === -1 ? "check" : "thumbs-down"} />
					<span>{t("support.against")}</span>
				</button>
			)}
			<span class={style.total}>
				{!open && <Icon name="thumbs-up" />}
				<span class={`figures ${style.figure}`}>{number(Math.max(0, total))}</span>
				<span class={large ? "" : "hidden"}> {t("support.times", { n: Math.max(0, total) })}</span>
				{against && <span class="figures quiet small"> {t("support.opposed", { n: idea.support.against ?? 0 })}</span>}
			</span>
			{own?.sending && <span class={`small quiet ${style.sending}`}>{t("send.sending")}</span>}
		</div>
	);
}

/** Group figures as bars with their numbers. Small groups are counted together by the server. */
export function ByGroup({ idea, groups }: { idea: Idea; groups: readonly string[] }) {
	const figures = idea.support.by_group;
	const known = [...groups, "other"].filter((g) => (figures[g] ?? 0) > 0);
	if (known.length === 0) return <p class="small quiet">{t("support.nogroups")}</p>;
	const most = Math.max(...known.map((g) => figures[g]!));
	return (
		<dl class={style.groups}>
			{known.map((g) => (
				<div key={g} class={style.group}>
					<dt>{label("group", g)}</dt>
					<dd class="figures">{number(figures[g]!)}</dd>
					<dd aria-hidden="true" class={style.track}>
						<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
							<rect width={(figures[g]! / most) * 100} height="8" rx="2" />
						</svg>
					</dd>
				</div>
			))}
		</dl>
	);
}
