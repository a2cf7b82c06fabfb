"""The page around a diagram: style, and the little script that hides kinds of messages and finds a step."""

from __future__ import annotations

from typing import Final

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{title}}</title>
<style>
:root { color-scheme: light; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 0; color: #1d2430; background: #fff; }
header { padding: 10px 16px; border-bottom: 1px solid #d8dde5; }
h1 { font-size: 18px; margin: 0 12px 0 0; display: inline; }
.bad { color: #c01c1c; }
#toggles { padding: 6px 16px; background: #f5f7fa; border-bottom: 1px solid #d8dde5; }
#toggles label { margin-right: 14px; white-space: nowrap; font: 12px ui-monospace, monospace; }
#stage { position: relative; }
#names { position: absolute; left: 0; top: 0; width: 118px; z-index: 2; pointer-events: none; }
#names div { position: absolute; left: 8px; width: 106px; background: rgba(255, 255, 255, .9); max-height: 64px;
  overflow: hidden; }
#names small { display: block; font-size: 10px; line-height: 1.2; color: #c01c1c; }
#scroll { overflow-x: auto; overflow-y: hidden; }
svg { display: block; }
.tick { stroke: #e3e7ee; } .time { font: 11px ui-monospace, monospace; fill: #667; text-anchor: middle; }
.view { font: 11px ui-monospace, monospace; fill: #fff; paint-order: stroke; stroke: rgba(0, 0, 0, .35);
  stroke-width: 2px; }
.down { fill: #c9ced6; }
.m { stroke-width: 1.1; stroke-opacity: .75; } .m:hover { stroke-width: 4; }
.lost { stroke-dasharray: 3 3; }
.mark { font: 10px ui-monospace, monospace; fill: #1d2430; text-anchor: middle; }
.crash { font-size: 18px; fill: #c01c1c; text-anchor: middle; }
.healed { stroke: #2a9d4a; stroke-width: 2; stroke-dasharray: 6 4; } .note { fill: #2a9d4a; font-size: 12px; }
.violated { stroke: #c01c1c; stroke-width: 3; }
.here { stroke: #e6a23c; stroke-width: 2; }
#legend { padding: 4px 16px; font-size: 12px; color: #556; }
#filter { margin: 6px 16px; width: 320px; }
#steps { font: 12px/1.35 ui-monospace, monospace; white-space: pre; height: 300px; overflow: auto; margin: 0 16px 16px;
  border: 1px solid #d8dde5; padding: 6px; }
#steps div:hover { background: #fff3d6; cursor: pointer; }
</style>
</head>
<body>
<header><h1>{{title}}</h1> {{facts}}</header>
<div id="toggles">{{toggles}}</div>
<div id="stage"><div id="names">{{names}}</div><div id="scroll">{{svg}}</div></div>
<div id="legend">▲ proposed · ■ decided · ● sealed · ✖ crash · dashed: lost · pale lane: between views ·
 point at an arrow for what it is, at a step below to find it above</div>
<input id="filter" placeholder="steps with … (n2, C3, sealed)" aria-label="filter steps">
<div id="steps">{{steps}}</div>
<script>
const hidden = document.createElement("style");
document.head.append(hidden);
const boxes = [...document.querySelectorAll("#toggles input")];
function toggle() {
  hidden.textContent = boxes.filter(b => !b.checked).map(b => ".k-" + b.value).join(",") + "{display:none}";
}
boxes.forEach(b => b.addEventListener("change", toggle));
toggle();
const svg = document.querySelector("svg"), scroll = document.getElementById("scroll");
const here = document.createElementNS("http://www.w3.org/2000/svg", "line");
here.setAttribute("class", "here");
here.setAttribute("y1", 18);
here.setAttribute("y2", svg.getAttribute("height"));
const steps = [...document.querySelectorAll("#steps div")];
steps.forEach(step => step.addEventListener("click", () => {
  here.setAttribute("x1", step.dataset.x);
  here.setAttribute("x2", step.dataset.x);
  svg.append(here);
  scroll.scrollLeft = step.dataset.x - scroll.clientWidth / 2;
}));
document.getElementById("filter").addEventListener("input", event => {
  const words = event.target.value.toLowerCase().split(" ").filter(Boolean);
  steps.forEach(s => { s.hidden = !words.every(w => s.textContent.toLowerCase().includes(w)); });
});
</script>
</body>
</html>
"""
