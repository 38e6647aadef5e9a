/** Quantities as people of a language read them. */
import { language } from "../i18n/index.ts";

function unit(value: number, name: string, digits: number): string {
	return new Intl.NumberFormat(language.value, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits }).format(
		value,
	);
}

/** A time that something takes: in milliseconds below a second. */
export function duration(seconds: number): string {
	if (seconds >= 60) return unit(seconds / 60, "minute", 0);
	if (seconds >= 1) return unit(seconds, "second", 1);
	return unit(seconds * 1000, "millisecond", seconds < 0.01 ? 2 : 0);
}

/** A time that something has lasted: in the largest unit of which there is one. */
export function lasting(seconds: number): string {
	for (const [name, size] of [
		["day", 86_400],
		["hour", 3600],
		["minute", 60],
	] as const)
		if (seconds >= size) return unit(Math.floor(seconds / size), name, 0);
	return unit(Math.max(0, Math.floor(seconds)), "second", 0);
}

/** A number of bytes, in the decimal units that disks are sold in. */
export function bytes(n: number): string {
	for (const [name, size] of [
		["terabyte", 1e12],
		["gigabyte", 1e9],
		["megabyte", 1e6],
		["kilobyte", 1e3],
	] as const)
		if (n >= size) return unit(n / size, name, 1);
	return unit(n, "byte", 0);
}
