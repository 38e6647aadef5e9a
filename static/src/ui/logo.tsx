/** The mark: a sprout. */
export function Logo() {
	return (
		<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
			<rect width="32" height="32" rx="8" fill="#0E6847" />
			<path d="M16 26V15" stroke="#fff" stroke-width="2.5" stroke-linecap="round" />
			<path d="M16 17c0-5 3.500-8 9-8 0 5.500-3.500 8-9 8z" fill="#F4B740" />
			<path d="M16 20c0-4.500-3-7.500-8.500-7.500C7.500 17.500 10.500 20 16 20z" fill="#fff" />
		</svg>
	);
}
