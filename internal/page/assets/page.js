// The overview and the page of a tenant renew themselves every half minute. They do not while they
// are hidden, while the focus is in their main part, while text is selected, or while details are
// open. Without this script a person reloads the page.
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
