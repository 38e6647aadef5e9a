/** How people come in: the code with its address and QR, and links for the screen and for a fellow facilitator. */
import { useSignal } from "@preact/signals";
import { t } from "../i18n/index.ts";
import { call, sentenceOf } from "../lib/api.ts";
import { joinAddress, readable } from "../lib/code.ts";
import type { Campaign } from "../protocol.ts";
import { CopyField } from "../ui/copy.tsx";
import { Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { alarm } from "../ui/voice.tsx";
import style from "./console.module.css";

export function InvitePanel({ campaign }: { campaign: Campaign }) {
	return (
		<div class={style.columns}>
			<section class="card roomy stack" aria-labelledby="join-code">
				<h2 id="join-code">{t("invite.people")}</h2>
				{campaign.code && <p class={`figures ${style.code}`}>{readable(campaign.code)}</p>}
				<img class={style.qr} src={`/api/v1/campaigns/${campaign.id}/qr.svg`} alt={t("invite.qr")} width="240" height="240" />
				{campaign.code && <CopyField label={t("invite.address")} value={joinAddress(campaign)} />}
				<p class="hint">{t("invite.channel")}</p>
			</section>
			<section class="card roomy stack" aria-labelledby="links">
				<h2 id="links">{t("invite.links")}</h2>
				<LinkMaker campaign={campaign} task="observer" />
				<hr />
				<LinkMaker campaign={campaign} task="facilitator" />
			</section>
		</div>
	);
}

function LinkMaker({ campaign, task }: { campaign: Campaign; task: "observer" | "facilitator" }) {
	const url = useSignal("");
	const wrong = useSignal("");
	const make = async () => {
		try {
			url.value = (await call<{ url: string }>("POST", `/campaigns/${campaign.id}/links`, { role: task })).url;
			wrong.value = "";
		} catch (e) {
			wrong.value = sentenceOf(e);
			alarm(wrong.value);
		}
	};
	return (
		<div class="stack">
			<p>{t(`invite.${task}.text`)}</p>
			<div>
				<button type="button" class="btn" onClick={() => void make()}>
					<Icon name="link" />
					{t(`invite.${task}`)}
				</button>
			</div>
			<Wrong text={wrong.value} />
			{url.value && <CopyField label={t(`invite.${task}.link`)} value={url.value} />}
		</div>
	);
}
