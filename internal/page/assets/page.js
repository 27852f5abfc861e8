// The overview looks again every half minute while nobody is reading it with keyboard or screen reader. Without this script it is a page to reload.
'use strict'
if (location.pathname === '/' || location.pathname.startsWith('/tenants/')) {
  const quiet = () => document.hidden || document.querySelector('main')?.contains(document.activeElement) || String(getSelection()) !== '' || document.querySelector('details[open]')
  setInterval(async () => {
    if (quiet()) return
    try {
      const answer = await fetch(location.href, { credentials: 'same-origin', redirect: 'error' })
      if (!answer.ok || quiet()) return
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
      for (const part of ['main', 'footer']) document.querySelector(part).replaceChildren(...next.querySelector(part).childNodes)
    } catch { /* the next time */ }
  }, 30_000)
}
