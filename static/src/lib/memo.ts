/**
 * Small things that a browser remembers: language, theme, the key of an unanswered join. Every access may fail (storage switched off, full, a private
 * window), and nothing may depend on it.
 */
export const memo = {
	get(key: string): string | null {
		try {
			return localStorage.getItem(`kiem.${key}`);
		} catch {
			return null;
		}
	},
	set(key: string, value: string): void {
		try {
			localStorage.setItem(`kiem.${key}`, value);
		} catch {
			// Not remembered; the page works without.
		}
	},
	remove(key: string): void {
		try {
			localStorage.removeItem(`kiem.${key}`);
		} catch {
			// As above.
		}
	},
};
