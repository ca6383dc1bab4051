// SPDX-License-Identifier: GPL-3.0-or-later
/** The colours of every document and chart, as CSS custom properties: light, dark, and on paper. */

/**
 * A role has a colour for text (at least 4.5:1 on paper and on its own tint), one for fills, and a tint for what lies behind
 * text. `c1` to `c5` are the series of a chart.
 */
const LIGHT = `--paper: #ffffff; --raised: #f6f8fa; --ink: #16212e; --quiet: #566372; --line: #d9e0e7; --edge: #7d8a98; --accent: #1f4f82; --on-accent: #ffffff;
--good: #1d6b45; --neutral: #275a8f; --warn: #80560a; --severe: #9c4510; --bad: #a3242b; --test: #63499a;
--good-fill: #3f8f66; --neutral-fill: #3e6fa6; --warn-fill: #cf9a35; --severe-fill: #cc6c2e; --bad-fill: #b43a40; --muted-fill: #c2ccd6; --fill-edge: #16212e40;
--good-tint: #e6f2ec; --neutral-tint: #e7eef6; --warn-tint: #faf2dc; --severe-tint: #fae6d6; --bad-tint: #f8e3e3; --test-tint: #efeaf8;
--c1: #33679f; --c2: #c1601c; --c3: #2c7f58; --c4: #a8303a; --c5: #7a4d9c;`;

const DARK = `--paper: #10171f; --raised: #18212b; --ink: #e4eaf0; --quiet: #a3afbb; --line: #2d3945; --edge: #71808f; --accent: #8fbcec; --on-accent: #0e1a27;
--good: #6fcb9b; --neutral: #8fbcec; --warn: #e2b75d; --severe: #f0a06b; --bad: #f2908f; --test: #bda6f0;
--good-fill: #3f9a6e; --neutral-fill: #4f83bd; --warn-fill: #b98a34; --severe-fill: #bd6a35; --bad-fill: #c4545a; --muted-fill: #475564; --fill-edge: #e4eaf030;
--good-tint: #16291f; --neutral-tint: #172635; --warn-tint: #2b2413; --severe-tint: #302013; --bad-tint: #331c1e; --test-tint: #241f35;
--c1: #7fb1e6; --c2: #eb9a5f; --c3: #66c598; --c4: #ee8588; --c5: #c4a0ec;`;

/** Paper is light whatever the screen is. */
export const PALETTE = `:root { color-scheme: light; ${LIGHT} }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; ${DARK} } }`;
