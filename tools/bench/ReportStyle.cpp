// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/ReportStyle.h"

namespace attnc {

const char *const reportStyle = R"(
:root { --ink: #1c2430; --soft: #5c6875; --paper: #fbfcfd; --card: #fff; --line: #e2e7ec; --good: #2f9e66; --bad: #d9822b;
  --blue: #2f6fde; --violet: #8a4fd0; --green: #2f9e66; --red: #d6455d; --amber: #e0a800; --teal: #159ba8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #98a4b0; --paper: #12171d; --card: #1a2129; --line: #2c353f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; } h3 { margin: 0; font-size: 1.05rem; }
p, .note { color: var(--soft); margin: .25rem 0 1rem; max-width: 75ch; }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .7rem 1rem; min-width: 9.5rem; }
.card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; } .card span { color: var(--soft); font-size: .85rem; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem; margin: 1rem 0; overflow-x: auto; }
details.panel > summary { cursor: pointer; list-style: none; display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
details.panel > summary .title { color: var(--soft); flex: 1; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; margin: .75rem 0; }
th { text-align: right; color: var(--soft); font-weight: 600; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th.text, td.text { text-align: left; } td.ops { color: var(--soft); white-space: normal; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .name { text-anchor: end; fill: var(--ink); font-weight: 600; } svg .value { fill: var(--ink); } svg .tick { text-anchor: middle; }
svg .tickleft, svg .end { text-anchor: end; } svg .grid { stroke: var(--line); } svg .floor { stroke: var(--ink); stroke-width: 1.5; }
svg .target { stroke: var(--ink); stroke-width: 3; } svg .bar.met { fill: var(--good); } svg .bar.missed { fill: var(--bad); }
svg .roof { fill: none; stroke: var(--ink); stroke-width: 2; } svg .roofname { fill: var(--ink); font-weight: 600; }
svg .kernel { fill-opacity: .65; stroke: var(--card); } svg .matmul { fill: var(--blue); } svg .attention { fill: var(--violet); }
svg .rowwise { fill: var(--green); } svg .peer { stroke: var(--card); } svg .torch { fill: var(--red); } svg .inductor { fill: var(--violet); }
svg .onnxruntime { fill: var(--blue); } svg .openvino { fill: var(--teal); }
svg.share { display: inline-block; width: 70px; height: 9px; margin-left: .5rem; } svg .empty { fill: var(--line); }
.key { display: inline-flex; align-items: center; gap: .35rem; margin-right: 1rem; color: var(--soft); font-size: .85rem; }
.key i { width: .8rem; height: .8rem; border-radius: 50%; display: inline-block; }
)";

} // namespace attnc
