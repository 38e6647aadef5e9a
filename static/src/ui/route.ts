/** Addresses of the page, without loading it anew. */
import { signal } from "@preact/signals";

export const path = signal(location.pathname);

/** Where the page was scrolled to, by address: going back leads to the same place. */
const places = new Map<string, number>();

addEventListener("popstate", () => {
	path.value = location.pathname;
	const y = places.get(location.pathname) ?? 0;
	requestAnimationFrame(() => scrollTo(0, y));
});

export function go(to: string, how: { replace?: boolean } = {}): void {
	places.set(location.pathname, scrollY);
	if (how.replace) history.replaceState(null, "", to);
	else history.pushState(null, "", to);
	path.value = new URL(to, location.href).pathname;
	scrollTo(0, 0);
}

/** A click on a link of this page that the page itself follows. */
export function follow(e: MouseEvent): void {
	const a = e.currentTarget as HTMLAnchorElement;
	if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
	e.preventDefault();
	go(a.getAttribute("href")!);
}
