"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const state = { sessions: 60, drawn: new Set() };

  /* Plotly reads a little HTML and %{names} in every text it draws; ours are texts. */
  const plain = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "&#37;{");
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = name => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const faint = (name, part) => colour(name).replace("rgb(", "rgba(").replace(")", `, ${part})`);
  const percent = value => value === null ? "not known" : `${value < 0 ? "-" : "+"}${Math.abs(value * 100).toFixed(2)} %`;
  const hundred = values => values.map(v => v === null ? null : v * 100);
  const narrow = () => window.innerWidth < 760;
  const family = () => getComputedStyle(document.body).fontFamily;

  const layout = (height, x, y) => ({
    height, autosize: true, showlegend: false, hovermode: "x unified", dragmode: false,
    margin: { l: 50, r: 12, t: 8, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: family(), size: 12, color: colour("muted") },
    hoverlabel: { bgcolor: colour("bg"), bordercolor: colour("strong-line"), font: { color: colour("text"), size: 12, family: family() }, namelength: -1 },
    xaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, fixedrange: true, ...x },
    yaxis: { gridcolor: colour("line"), zerolinecolor: colour("strong-line"), fixedrange: true, ticksuffix: " %", ...y },
  });
  const line = (x, y, words, name, look) => ({ type: "scatter", mode: "lines", x, y, customdata: words, name: plain(name), hovertemplate: "%{customdata}", line: look });

  /* The band is one closed shape for each unbroken run of placebos. */
  const band = (c, kept) => {
    const known = kept.filter(k => c.low[k] !== null && c.high[k] !== null);
    if (!known.length) return [];
    return [{
      type: "scatter", mode: "lines", x: [...known.map(k => c.h[k]), ...known.map(k => c.h[k]).reverse()],
      y: hundred([...known.map(k => c.high[k]), ...known.map(k => c.low[k]).reverse()]),
      fill: "toself", fillcolor: faint("market", 0.2), line: { width: 0 }, hoverinfo: "skip",
    }];
  };
  const path = (c, name, look, kept) => line(kept.map(k => c.h[k]), hundred(kept.map(k => c.value[k])), kept.map(k => percent(c.value[k]) + (c.low[k] === null ? "" : `, placebos ${percent(c.low[k])} to ${percent(c.high[k])} (${c.n[k]})`)), name, look);
  const shown = c => c.h.map((_, k) => k).filter(k => c.h[k] <= state.sessions && c.value[k] !== null);
  const usual = (c, kept) => ({ ...line(kept.map(k => c.h[k]), hundred(kept.map(k => c.usual[k])), [], "", { color: colour("market"), width: 1.5, dash: "dot" }), hovertemplate: undefined, hoverinfo: "skip" });
  const sessions = { title: { text: "sessions", standoff: 4, font: { size: 11 } }, hoverformat: "d" };

  const charts = {
    course: id => {
      const c = data.course[id], kept = shown(c), parts = c.parts.map((part, n) => {
        const own = shown(part);
        return { ...path({ ...part, low: part.low.map(() => null) }, part.label, { color: colour(`run-${n + 1}`), width: 1.5 }, own) };
      });
      const drawn = layout(parts.length ? 340 : 270, sessions, {});
      if (parts.length) Object.assign(drawn, { showlegend: true, legend: { orientation: "h", y: -0.2, font: { color: colour("text") } }, margin: { l: 50, r: 12, t: 8, b: 40 } });
      const all = [...band(c, kept), usual(c, kept), ...parts, path(c, c.label === "as stated" && parts.length ? "All twelve" : c.label, { color: colour("run-0"), width: 2.5 }, kept)];
      return [all.map(t => t.fill || t.line.dash === "dot" ? { ...t, showlegend: false } : t), drawn];
    },
    day: number => {
      const c = data.day[number], kept = shown(c);
      const all = data.day.flatMap(other => shown(other).flatMap(k => [other.value[k], other.low[k], other.high[k]])).filter(v => v !== null);
      const low = Math.min(...all, 0) * 100, high = Math.max(...all, 0) * 100, room = (high - low) * 0.05;
      return [[...band(c, kept), usual(c, kept), path(c, c.label, { color: colour("run-0"), width: 2 }, kept)], layout(210, sessions, { range: [low - room, high + room] })];
    },
    equity: id => {
      const e = data.equity[id];
      return [[
        line(e.days, hundred(e.market), e.market.map(percent), e.benchmark, { color: colour("market"), width: 1.5, dash: e.days.length > 300 ? "solid" : "dash" }),
        line(e.days, hundred(e.value), e.value.map(percent), e.name, { color: colour("run-0"), width: 2 }),
      ], layout(data.course[id]?.parts.length ? 340 : 270, { type: "date", hoverformat: "%Y-%m-%d", nticks: narrow() ? 4 : 7 }, {})];
    },
    waiting: id => {
      const w = data.waiting[id], x = [...w.h, ...[...w.h].reverse()];
      const drawn = layout(270, { ...sessions, range: [0, Math.min(250, Math.max(120, w.event + 20))] }, { range: [0, 102] });
      drawn.shapes = [{ type: "line", x0: w.event, x1: w.event, yref: "paper", y0: 0, y1: 1, line: { color: colour("bad"), width: 2 } }];
      return [[
        { type: "scatter", mode: "lines", x, y: hundred([...w.high, ...[...w.low].reverse()]), fill: "toself", fillcolor: faint("market", 0.2), line: { width: 0 }, hoverinfo: "skip" },
        line(w.h, hundred(w.value), w.value.map(v => `${(v * 100).toFixed(1)} % not over`), "", { color: colour("run-0"), width: 2, shape: "hv" }),
      ], drawn];
    },
  };

  const draw = box => {
    const [traces, made] = charts[box.dataset.chart](box.dataset.claim);
    Plotly.react(box, traces, made, { displaylogo: false, responsive: true, displayModeBar: false });
    state.drawn.add(box);
  };
  const near = new IntersectionObserver(seen => {
    for (const { isIntersecting, target } of seen) if (isIntersecting) { near.unobserve(target); draw(target); }
  }, { rootMargin: "400px" });
  const watch = () => document.querySelectorAll(".chart").forEach(box => { near.unobserve(box); near.observe(box); });
  const again = () => { state.drawn.clear(); watch(); };

  for (const b of document.querySelectorAll("[data-sessions]")) b.addEventListener("click", () => {
    state.sessions = Number(b.dataset.sessions);
    document.querySelectorAll("[data-sessions]").forEach(other => other.setAttribute("aria-pressed", other === b));
    again();
  });
  document.addEventListener("theme", again);
  document.addEventListener("panel", watch);

  /* A claim stands within a tab: a link to it opens the tab first. */
  const go = id => {
    const goal = document.getElementById(id), panel = goal?.closest("[role=tabpanel]");
    if (!panel) return;
    if (panel.hidden) document.getElementById(panel.getAttribute("aria-labelledby")).click();
    if (goal === panel) window.scrollTo(0, 0);
    else { goal.scrollIntoView(); goal.focus({ preventScroll: true }); }
  };
  document.addEventListener("click", event => {
    const link = event.target.closest?.("a[href^='#']");
    if (!link || link.classList.contains("skip")) return;
    event.preventDefault();
    const id = decodeURIComponent(link.getAttribute("href").slice(1));
    history.pushState(null, "", `#${id}`);
    go(id);
  });
  window.addEventListener("popstate", () => go(decodeURIComponent(location.hash.slice(1)) || "verdicts"));
  window.addEventListener("load", () => go(decodeURIComponent(location.hash.slice(1))));
})();
