/** The campaigns of the person who is signed in, and making a new one. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { label, moment, number, t } from "../i18n/index.ts";
import { ApiError, call, sentenceOf } from "../lib/api.ts";
import { readable } from "../lib/code.ts";
import { bodyOf, CampaignForm, newCampaign } from "../parts/campaignform.tsx";
import type { Created, Listed } from "../protocol.ts";
import { Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { Top } from "../ui/top.tsx";
import style from "./campaigns.module.css";

export function Campaigns() {
	const list = useSignal<Listed[] | null>(null);
	const failure = useSignal("");
	const signedOut = useSignal(false);
	const making = useSignal(false);
	const operates = useSignal(false);
	const fetchList = () => {
		call<{ campaigns: Listed[] | null; operator?: boolean }>("GET", "/campaigns")
			.then((a) => {
				list.value = a.campaigns ?? [];
				operates.value = a.operator === true;
				failure.value = "";
			})
			.catch((e) => {
				if (e instanceof ApiError && (e.status === 401 || e.status === 403)) signedOut.value = true;
				else failure.value = sentenceOf(e);
			});
	};
	const signOut = async () => {
		try {
			await call("POST", "/signout");
			location.assign("/");
		} catch (e) {
			failure.value = sentenceOf(e);
		}
	};
	useEffect(() => {
		document.title = `${t("organise.title")} · Kiem`;
		fetchList();
		const seen = () => document.visibilityState === "visible" && fetchList();
		document.addEventListener("visibilitychange", seen);
		return () => document.removeEventListener("visibilitychange", seen);
	}, []);
	return (
		<>
			<Top title="" />
			<main id="main" class={style.page} tabIndex={-1}>
				<div class="row apart">
					<h1>{t("organise.title")}</h1>
					{list.value && (
						<div class="row">
							<button type="button" class="btn main" onClick={() => (making.value = true)}>
								<Icon name="plus" />
								{t("organise.new")}
							</button>
							{operates.value && (
								<a class="btn" href="/admin">
									{t("operator.title")}
								</a>
							)}
							<button type="button" class="btn" onClick={() => void signOut()}>
								<Icon name="log-out" />
								{t("organise.signout")}
							</button>
						</div>
					)}
				</div>
				<Wrong text={failure.value} />
				{signedOut.value && (
					<div class="card roomy stack">
						<h2>{t("console.signedout")}</h2>
						<p>{t("organise.signedout")}</p>
						<p>
							<a href="/">{t("gate.home")}</a>
						</p>
					</div>
				)}
				{!list.value && !failure.value && !signedOut.value && <p role="status">{t("ui.loading.campaigns")}</p>}
				{list.value?.length === 0 && <p class="card roomy">{t("organise.empty")}</p>}
				{list.value && list.value.length > 0 && <Table list={list.value} />}
				{making.value && (
					<Sheet title={t("organise.new")} onClose={() => (making.value = false)}>
						<CampaignForm
							start={newCampaign}
							submit={t("organise.create")}
							draft
							send={async (f) => {
								try {
									const made = await call<Created>("POST", "/campaigns", { template: "campaign", ...bodyOf(f) });
									location.assign(`/c/${made.id}/console#invite`);
									return null;
								} catch (e) {
									return { field: e instanceof ApiError ? e.field : "", text: sentenceOf(e) };
								}
							}}
						/>
					</Sheet>
				)}
			</main>
		</>
	);
}

function Table({ list }: { list: Listed[] }) {
	const sorted = [...list].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
	return (
		<div class={`card ${style.table}`}>
			<table>
				<caption class="hidden">{t("organise.title")}</caption>
				<thead>
					<tr>
						<th scope="col">{t("console.campaign")}</th>
						<th scope="col">{t("organise.stage")}</th>
						<th scope="col" class={style.number}>
							{t("people.title")}
						</th>
						<th scope="col" class={style.number}>
							{t("list.title")}
						</th>
						<th scope="col" class={style.number}>
							{t("organise.waiting")}
						</th>
						<th scope="col">
							<span class="hidden">{t("organise.actions")}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{sorted.map((c) => (
						<tr key={c.id}>
							<th scope="row">
								<a href={`/c/${c.id}/console`}>{c.title}</a>
								<span class="small quiet">
									{label("role", c.role)} · {moment(c.created_at, Date.now())}
									{c.code && <> · {readable(c.code)}</>}
								</span>
							</th>
							<td data-label={t("organise.stage")}>
								<span class={`tag ${c.stage === "draft" ? "warn" : "good"}`}>{label("stage", c.stage)}</span>
							</td>
							<td class={`figures ${style.number}`} data-label={t("people.title")}>
								{number(c.joined)}
							</td>
							<td class={`figures ${style.number}`} data-label={t("list.title")}>
								{number(c.ideas)}
							</td>
							<td class={`figures ${style.number}`} data-label={t("organise.waiting")}>
								{c.waiting > 0 ? <span class="tag warn">{number(c.waiting)}</span> : 0}
							</td>
							<td>
								<span class="row">
									<a aria-label={`${t("nav.console")}, ${c.title}`} class="btn" href={`/c/${c.id}/console`}>
										{t("nav.console")}
									</a>
									<a aria-label={`${t("organise.screen")}, ${c.title}`} class="btn bare" href={`/c/${c.id}/screen`}>
										{t("organise.screen")}
									</a>
								</span>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
