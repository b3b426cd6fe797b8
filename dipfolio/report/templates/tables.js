"use strict";
(() => {
  const say = text => { document.getElementById("status").textContent = text; };
  const read = text => {
    const amount = text.match(/^([-+]?)\$([\d,]+(?:\.\d+)?)/);
    return amount ? Number(amount[1] + amount[2].replace(/,/g, "")) : /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  };
  const number = cell => cell.dataset.value === undefined ? read(cell.textContent.trim()) : cell.dataset.value === "" ? null : Number(cell.dataset.value);
  /* Missing values go last whatever the direction. */
  const compare = (a, b, down) => a === b ? 0 : a === null ? 1 : b === null ? -1 : (a < b ? -1 : 1) * (down ? -1 : 1);
  const button = (head, label) => {
    const made = document.createElement("button");
    made.type = "button";
    made.append(...label.childNodes);
    label.append(made);
    return made;
  };
  const mark = (heads, head, down) => {
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };

  for (const table of document.querySelectorAll("table[data-sort=rows]")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => button(head, head).addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : column > 0 && head.dataset.better !== "lower";
      const rows = [...body.rows];
      rows.sort((a, b) => compare(number(a.cells[column]), number(b.cells[column]), down));
      body.append(...rows);
      mark(heads, head, down);
      say(`Rows sorted by ${head.textContent.trim()}, ${down ? "descending" : "ascending"}`);
    }));
  }

  for (const table of document.querySelectorAll("table[data-sort=columns]")) {
    const rows = [...table.tBodies[0].rows], heads = rows.map(row => row.cells[0]);
    const runs = document.querySelectorAll("[data-line]:not([data-line=market])").length;
    rows.forEach(row => button(row.cells[0], row.querySelector(".name")).addEventListener("click", () => {
      const head = row.cells[0], was = head.getAttribute("aria-sort"), best = row.dataset.better !== "lower";
      const down = was ? was === "ascending" : best;
      const order = [...Array(runs).keys()];
      order.sort((a, b) => compare(number(row.cells[a + 1]), number(row.cells[b + 1]), down));
      for (const line of [table.tHead.rows[0], ...rows]) {
        const cells = [...line.cells], market = cells.slice(runs + 1);
        line.append(...order.map(place => cells[place + 1]), ...market);
      }
      mark(heads, head, down);
      const label = row.querySelector(".name").textContent.trim();
      say(`Columns sorted by ${label}, ${row.dataset.better ? (down === best ? "best" : "worst") : (down ? "highest" : "lowest")} first`);
    }));
  }
})();
