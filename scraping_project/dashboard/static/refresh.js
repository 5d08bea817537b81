// Lays fetched sections over those that are shown. Pages work without it.
'use strict';
(() => {
  const choice = document.querySelector('select[name=refresh]');
  const lost = document.getElementById('lost');
  const key = 'refresh-seconds';
  let failures = 0;
  let timer;
  let lastSeen = Date.now();

  const seconds = () => Number(choice.value) * Math.min(2 ** failures, 12);

  // A section is left alone while somebody is at work in it.
  const inUse = (section) => {
    const selected = document.getSelection();
    return section.contains(document.activeElement)
      || section.querySelector('details[open]')
      || (selected && !selected.isCollapsed && section.contains(selected.anchorNode));
  };

  const lay = (text) => {
    const fetched = new DOMParser().parseFromString(text, 'text/html');
    if (!fetched.getElementById('refreshed')) throw new Error('another page came');
    for (const section of document.querySelectorAll('[data-refresh]')) {
      const fresh = fetched.getElementById(section.id);
      if (fresh && fresh.innerHTML !== section.innerHTML && !inUse(section)) {
        section.className = fresh.className;
        section.replaceChildren(...fresh.childNodes);
      }
    }
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(String(answer.status));
      lay(await answer.text());
      if (failures) lost.textContent = 'The server answers again.';
      failures = 0;
      lastSeen = Date.now();
    } catch {
      failures += 1;
      const age = Math.round((Date.now() - lastSeen) / 1000);
      lost.textContent = `The server does not answer: what you see is ${age} s old.`;
    }
    plan();
  };

  const plan = () => {
    clearTimeout(timer);
    if (seconds()) timer = setTimeout(refresh, Math.min(seconds(), 60) * 1000);
  };

  if (!choice) return;
  choice.value = localStorage.getItem(key) ?? choice.value;
  choice.closest('[hidden]').hidden = false;
  choice.addEventListener('change', () => { localStorage.setItem(key, choice.value); plan(); });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && seconds()) refresh(); });
  for (const box of document.querySelectorAll('[data-selects-all]')) {
    box.closest('[hidden]').hidden = false;
    box.addEventListener('change', () => {
      for (const other of box.form.querySelectorAll('input[type=checkbox]')) other.checked = box.checked;
    });
  }
  plan();
})();
