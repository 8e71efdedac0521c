/* What scrolls can be reached by the keyboard. */
function reachable() {
  for (const part of document.querySelectorAll("pre, .formula, .table-wrapper, .math-wrapper"))
    if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight) part.tabIndex = 0;
}
addEventListener("load", () => {
  reachable();
  for (const caption of document.querySelectorAll("p.caption[role=heading]")) caption.ariaLevel = 2;
});
addEventListener("resize", reachable);
addEventListener("toggle", reachable, true); // a folded cell has no width until it is opened
