"""The verbs: what happens to a case, one module each.

In the order in which it happens:

- `opening` opens a case from its referral and decides whom to ask; `basis` says whether that is permitted.
- `referrals` takes in what becomes of a referral, `appointments` when the patient is expected. `changing` changes a
  case, `needs` adds to what it needs (`listed_procedures`: by its referral), `ending` ends one.
- `checking` holds a form in a file against one release.
- `turns` says whose turn it is at a department.
- `request` asks one department; `documents` (`fetched_files`) and `imaging` take in what it gives (`permitted_request`,
  `watch`), `series_at_once` several series of a study side by side.
  `owing_letters` queues the letter by which a department without an interface is asked, `letters` sends it,
  `fax_reports` hears later whether it went.
  `studies` says when a study is whole, `study_identity` whose it is.
  `labels` stops at a security label that nobody can read.
- `paper_in` takes in what came on paper, `disc_in` discs with images, `lines_in` what lies on a line; people at the
  desk say what is on them. `page_texts` has a machine read their words, for suggestions.
- `disc_studies` files a study of a disc in its patient's image record.
- `receive` processes what was pushed: `reading` understands it, `dividing` takes a batch apart. `identity` says whose
  it is; `forms`, `answers`, `uploads` and `unmatched` file it. `correcting` puts a correction in part together with
  its report. `noting_codes` notes what a file does not map. `hearing` moves a request as its source says.
- `opening_records` opens what came, before it counts: can people read it, and whose does it say that it is?
- `cross_check` holds what came against what else came.
- `collecting` puts a record on its line; `heeding` lets it count where it is not collected. `fetched_objections` stops
  a source that says no in what it gives. `assess` says what is still missing and what follows; `waiting` why a case
  waits and whose turn it is (`pieces_to_ask`: for slides, until a person asked), `telling` keeps that in its row for
  lists; `searchable` keeps by what people find a patient.
- `assemble` makes the packet (`superseding`; `packet_content` is what it says). `deliver` hands it over
  (`center_pages`: by our pages and a mail), `settle` takes in the receipt; `milestones` tells the center how far a case
  is.
- `objections` takes a "no" at its door, `stopping` ends a permission (`owed_notes`: while the keys are away), `enforce`
  follows up and purges, `housekeeping` removes what lapsed by itself.
- `reading_anew` reads the forms again that an earlier version read.
- `backing_up` and `restoring` keep the ledger and the vault twice; `restore_tests` tries a restore.
- `alerting` tells whoever runs the installation what is wrong, once when it begins and once when it is over;
  `installation_metrics` says what was measured of it.
- `ledger_metrics` says how much of everything is in the ledger, for whoever watches the installation.
- `measuring` looks at the whole installation (`asking_parts`; `first_seen`: since when), `trying_doors` at the doors of
  institutions.

`rounds` is the table of what each DAG does. `desk` is what people do, `outside` what people of outside do.
`services` is what all of them work with.
"""
