"use strict";
/* Long tables of the record: the first rows, a button for more, and a filter by the text of a row. */
(() => {
  const step = 50, count = number => number.toLocaleString("en-US");
  for (const table of document.querySelectorAll(".record table")) {
    const rows = [...table.tBodies[0].rows].filter(row => !row.classList.contains("total"));
    if (rows.length <= 2 * step) continue;
    const tools = document.createElement("p"), label = document.createElement("label"), input = document.createElement("input");
    const more = document.createElement("button"), said = document.createElement("span");
    let most = step;
    const show = () => {
      const wanted = input.value.trim().toLowerCase();
      const found = rows.filter(row => !wanted || row.textContent.toLowerCase().includes(wanted));
      const shown = new Set(found.slice(0, most));
      for (const row of rows) row.hidden = !shown.has(row);
      more.hidden = found.length <= most;
      said.textContent = `${count(shown.size)} of ${count(found.length)} rows`;
    };
    tools.className = "tools";
    input.type = "search";
    label.append("Filter ", input);
    more.type = "button";
    more.textContent = `Show ${step} more`;
    said.setAttribute("role", "status");
    input.addEventListener("input", () => { most = step; show(); });
    more.addEventListener("click", () => { most += step; show(); });
    tools.append(label, more, said);
    table.parentElement.before(tools);
    show();
  }
})();
