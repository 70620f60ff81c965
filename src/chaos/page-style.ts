/** How the page of a history looks, in light and in dark. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --panel: #ffffff; --ink: #1d2327; --faint: #6b747b; --line: #dcdfe0;
  --stripe: #f3f4f2; --ok: #9cc3e6; --ok-ink: #12344d; --fail: #d5d8da; --fail-ink: #4c5459;
  --info: #f0d9a0; --info-ink: #5b4300; --bad: #d5343f; --bad-ink: #ffffff; --dot: #0b2a40;
  --band: rgba(124, 92, 191, .13); --band-ink: #5f43a0; --good: #1a7f4b;
  --unsure: #8a6100;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --panel: #1d2125; --ink: #e4e7e9; --faint: #98a1a8; --line: #343a3f;
    --stripe: #1a1e21; --ok: #2f5f87; --ok-ink: #e3f0fb; --fail: #40474c; --fail-ink: #c3cacf;
    --info: #6b5314; --info-ink: #f8e7ba; --bad: #e0444f; --bad-ink: #ffffff; --dot: #f2f7fb;
    --band: rgba(165, 140, 232, .17); --band-ink: #c4b1f5; --good: #55c58b;
    --unsure: #e0b24a;
  }
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  display: flex; flex-direction: column; background: var(--paper); color: var(--ink);
  font: 14px/1.4 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
header, footer {
  display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; padding: 10px 16px;
}
header { background: var(--panel); border-bottom: 1px solid var(--line); }
footer {
  background: var(--panel); border-top: 1px solid var(--line); color: var(--faint);
  font-size: 12px;
}
h1 { margin: 0; font-size: 15px; font-weight: 600; overflow-wrap: anywhere; }
.space { flex: 1; }
select, button {
  font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: 6px; padding: 4px 10px; max-width: 26em;
}
button { cursor: pointer; }
button:hover, select:hover { border-color: var(--faint); }
button[aria-pressed="true"] { background: var(--ok); color: var(--ok-ink); }
button[hidden] { display: none; }
#verdict { font-weight: 600; }
#verdict.linearizable { color: var(--good); }
#verdict.illegal { color: var(--bad); }
#verdict.unknown { color: var(--unsure); }
#keys { color: var(--faint); }
#sentence { margin: 0; padding: 8px 16px; color: var(--faint); }
main {
  flex: 1; min-height: 0; position: relative; overflow: hidden; cursor: grab; touch-action: none;
}
main:focus-visible { outline: 2px solid var(--line); outline-offset: -2px; }
main:focus:not(:focus-visible) { outline: none; }
main.dragging { cursor: grabbing; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
i { display: inline-block; vertical-align: -2px; }
i.bar { width: 22px; height: 12px; border-radius: 3px; }
i.ok { background: var(--ok); } i.fail { background: var(--fail); }
i.info { background: var(--info); } i.bad { background: var(--bad); }
i.dot { width: 8px; height: 8px; border-radius: 4px; background: var(--dot); vertical-align: 0; }
i.band { width: 22px; height: 12px; background: var(--band); border: 1px solid var(--band-ink); }
aside {
  position: fixed; z-index: 2; max-width: 34em; padding: 8px 12px; background: var(--panel);
  border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 18px rgba(0, 0, 0, .22);
  pointer-events: none; font-size: 13px; overflow-wrap: anywhere;
}
aside b { display: block; font: 600 13px ui-monospace, "DejaVu Sans Mono", monospace; }
aside .bad { color: var(--bad); font-weight: 600; }
`;
