package main

import "github.com/alecthomas/kong"

const description = `Hands invoices (FA(3) XML) in for submission to KSeF, and shows what became of them.

States: queued, packed, sending, unknown, sent: on its way; accepted, receipted: it has its KSeF number; ` +
	`rejected, parked: a person has to act (enqueue open); dismissed, superseded: nothing is left to do, ` +
	`because a person ended it or another document with its number took its place.

Exit codes: 0 all taken (with --wait: all accepted, or nothing left to do); ` +
	`2 wrong call or configuration, or no document found; 3 some refused, rejected or parked, or dismissed before; ` +
	`4 Redis or another part not reachable.`

// helpTexts are the long texts of --help, by the names that the tags of the grammar use.
var helpTexts = kong.Vars{
	"submit":     "Hand in invoices: each PATH is a file, a folder (*.xml in it and below), a .zip, or - for standard input.",
	"status_ref": "Show the invoice with this ref, the key that was given when it was handed in (submit --ref).",
	"status": "Show the state of invoices, by id, number (P_2), KSeF number or ref. Without a name: how many are in each state, " +
		"and which are near their deadline.",
	"serve": "Take invoices in over HTTP, from the programs that intake.clients of the configuration names, until interrupted.",
	"results": "List decided invoices (accepted, rejected, parked, dismissed, superseded) in the order of their last change, " +
		"or those in a state.",
	"open": "List the documents that wait for a person (refused, rejected, parked), " +
		"each with the commands that end it. Exit code 3 when there are any.",
	"seen": "Mark open documents as seen, so that the next person need not look; enqueue open shows who has seen what. " +
		"The mark goes when the document changes or is closed.",
	"retry": "Queue rejected or parked invoices again, after you have removed the reason; " +
		"or dismissed ones that a person dismissed by mistake.",
	"dismiss": "End queued, rejected, parked or refused documents for good, because they are not to be sent. " +
		"Another document can then take the number.",
	"drain": "Stop taking in new invoices of a tenant until it is resumed. Invoices that were taken are still sent.",
	"moved": "Record that the gateway of environment custom has a new address, so that the invoices in its ledger are sent there.",
	"purge": "Delete the whole ledger of a test: invoices, packages, queues and limits. Never one of production.",

	"explain": "Say what a code of KSeF, of the gateway or of this program means, whose fault it is and what to do; " +
		"or how an invoice stands. In Polish or English. Without a name: list the codes.",
	"qr": "Print the links of an invoice's QR codes, and write them as images: KOD I, where anybody can check whether KSeF has it; " +
		"with --offline also KOD II, which proves its issuer before KSeF has it.",
	"proof": "Write one ZIP that proves what became of an invoice: the document, the receipt (UPO), the result, the QR code, " +
		"a readable form, and a page in Polish that says what proves what. It needs the archive, but not Redis.",
	"report": "Count the invoices of some days (P_1) and add up P_15: by tenant, day, state and currency; why some were refused or " +
		"rejected; which took longest; which are at risk.",
	"find": "Find invoices by id, number (P_2), KSeF number or issue date, in the ledger and, for what it no longer knows, " +
		"in the archive. Says what it has read of the archive.",
	"export": "Write the document and the result of invoices into a folder: KSEF_NUMBER.xml and KSEF_NUMBER.json, " +
		"or the id where there is no KSeF number; and the receipt (UPO) of each session once, as upo/SESSION.xml: " +
		"the field upo of a result ends with that name. An invoice that is named gets its receipt as KSEF_NUMBER-upo.xml too.",
	"where_names":   "Ids, numbers or KSeF numbers. Without one: every invoice that the archive has of the issue dates.",
	"where_from":    "First issue date (P_1), such as 2026-11-01. Dates bound what is read of the archive.",
	"where_archive": "Ask the archive alone: no Redis is needed, and invoices are found that the ledger has forgotten.",
	"deliveries":    "Who was told what became of invoices (results of the configuration): how each receiver stands, what it did not take.",
	"deliveries_list": "Show how each receiver of results stands; exit code 3 when one takes nothing, or nothing of a tenant, or when " +
		"results were given up. With a name: the results that it did not take, also those that are tried again; " +
		"exit code 3 when some were given up.",
	"deliveries_resend": "Send results again: those that were given up after three days (by id, or --all), " +
		"or everything since a time (--since).",
	"deliveries_resume": "Call a receiver again at once when it has asked for no more results (410), is out of service, " +
		"or did not take some results. The results that it did not take are tried at once too, except while it is out of service.",
	"deliveries_since": "Send everything again that became final since then, as far as the outbox has it: 24h, 7d, 2026-11-23 (Warsaw) " +
		"or RFC 3339.",

	"certificate": "Certificates with which a tenant logs in to KSeF itself (transport: direct).",
	"certificate_self": "Make a certificate that only KSeF's test environment takes, and write it to the tenant's " +
		"certificate_file and private_key_file.",
	"certificate_request": "Request the next certificate while the tenant logs in by its present one. The key is made here.",
	"certificate_fetch":   "Fetch the certificate that was requested, and put it and its key in the place of the present ones.",
	"certificate_dir":     "Folder for the new files, which then replace nothing; by default they are written beside the present ones.",
	"token":               "Tokens with which a tenant logs in to KSeF itself (transport: direct).",
	"token_create":        "Make a token for the tenant and write it to a file: KSeF shows it this once.",

	"watch": "Take invoices from a folder that another program writes into, until interrupted, and show there what became of each " +
		"(accepted/, rejected/, refused/, parked/).",
	"watch_settle":   "How long size and time of a file must stay the same before it is taken.",
	"watch_patience": "The same for a file whose end seems to be missing.",
	"watch_poll": "The longest time between two polls of the folder; by default 30s where the system reports changes, 2s elsewhere, " +
		"such as on a network share.",

	"submit_deadline": "Legal deadline of all documents of this call, instead of the end of the next business day after P_1: " +
		"2026-11-24, 2026-11-24 16:00 (Warsaw) or RFC 3339.",
	"submit_wait": "Wait until each invoice is accepted, rejected, parked or dismissed, then print a summary. " +
		"--wait=receipt also waits for the receipts (UPO) of the accepted ones.",
	"submit_tenant": "Name of the tenant that sends the documents, when several tenants have the same NIP " +
		"or a tax representative sends.",
	"submit_corrects": "The document is the technical correction of this rejected offline invoice, named by its id or the SHA-256 " +
		"of its bytes. It is sent at once. For one file, and a tenant with transport: direct.",
	"submit_ref": "Your own key of the invoice, unique within the tenant: results name it, and status --ref finds it. " +
		"For one file; --manifest gives many.",
	"submit_manifest": "Hand in what a manifest lists, instead of PATHs: one JSON object a line, with path or xml, " +
		"and ref, lane, offline, deadline, tenant as needed; - for standard input.",
	"submit_json": "Print one JSON object for each document, refused ones too, instead of a line. " +
		"With --wait: once all are decided.",

	"explain_names": "Codes, such as 450, 21405, missing-permissions, conflict or batch/415; or ids, numbers or KSeF numbers of invoices.",

	"qr_offline": "Also KOD II, signed with the tenant's offline_certificate_file, for an invoice that the buyer gets before KSeF has it.",
	"qr_name":    "An XML file that is not handed in yet; or the id, number or KSeF number of an invoice that is handed in.",

	"proof_out": "The file to write; by default dowod-NUMBER.zip, with the KSeF number or else the id, in this folder.",

	"report_archive": "Ask only the archive, not Redis: what is on its way is then left out.",

	"delimiter":    "With --format csv: the character between cells: comma (or ,), semicolon (or ;), tab, or |.",
	"purge_env":    "The environment that the ledger belongs to: test, or custom with --gateway. Never production.",
	"resume_queue": "A queue that was paused in the dashboard, by the name that the reason queue_paused gives; all for every queue.",
	"resume_throttled": "For the tenants named, end the pauses that answers 429 asked for, and leave what enqueue paused or drained. " +
		"Only when a proxy gave those answers, or KSeF's support says so: a tenant that does not wait is blocked for longer.",
	"results_state": "Only what is in this state; by default what is decided. waiting lists all that wait for something, with the " +
		"reason; refused lists the documents that were not taken and have to be fixed.",
	"selection_state":  "All in this state: rejected or parked; for retry also dismissed; for dismiss also queued or refused.",
	"selection_tenant": "All of this tenant, by its name or NIP; - for documents of no tenant, as enqueue open shows them.",
	"status_json":      "Print one JSON object for each invoice; without --state and names, one object with counts and at_risk.",
}
