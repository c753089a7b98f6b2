"""Sentences that stand where a report should be, each by what is wrong with a document of nothing else.

A sentence counts as a whole. What says anything of the patient besides is not among them.
"""

import re
from collections.abc import Sequence
from typing import Final

from transfer.flaws import Flaw

THING: Final = r"(?:reports?|results?|documents?|files?|pdfs?|images?|scans?|attachments?|cop(?:y|ies)|pages?)"
OF_WHAT: Final = (
    r"(?:attached|enclosed|scanned|separate|external|linked|original|imaged|full|complete|final|accompanying|paper|pdf"
    r"|outside|hard|pathology|surgical|lab(?:oratory)?|radiology|imaging|molecular|genetic|genomic|cytology|operative"
    r"|consult(?:ation)?|procedure)"
)
_THINGS: Final = rf"(?:{OF_WHAT} )*{THING}"
_SUBJECT: Final = (
    rf"(?:(?:the|this) )?(?:{OF_WHAT} )*(?:(?:{THING}|tests?|exam(?:ination)?|study|procedure|order|specimen|sample"
    r"|addendum)(?: (?:is|was|were|has been|have been))? )?"
)
#: why a laboratory or a department did nothing
_REASON: Final = (
    r"(?:(?: ?[-:(] ?| due to | because(?: of)? | by | per )"
    r"(?:patient (?:refused|declined|cancell?ed|left|did not (?:show|come|arrive))"
    r"|(?: ?\b(?:the|a|an|in|was|is|not|too|old|no|show|received|obtained|specimen|sample|quantity"
    r"|(?:in)?sufficient|qns|hemoly[sz]ed|clotted|leaked|lost|contaminated|unlabell?ed|mislabell?ed|wrong|incorrect|tube|container|patient"
    r"|request|duplicate|order(?:ed|ing)?|error|physician|provider|lab(?:oratory)?|department)\b){1,8})\)?)?"
)
_NO_RESULT: Final = (
    rf"{_SUBJECT}(?:not (?:yet )?(?:performed|done|reported|resulted|interpreted|read|dictated|transcribed|signed)"
    r"|cancell?ed|rejected|credited|deleted|retracted|withdrawn|void(?:ed)?|unsigned|incomplete|tnp|qns"
    rf"|(?:entered|ordered|issued|created|sent|deleted|reported) in error){_REASON}"
    r"|quantity not sufficient|wrong patient|(?:patient )?(?:no[ -]?show|did not show(?: up)?)"
    r"|patient (?:refused|declined|cancell?ed)(?: (?:the )?(?:exam(?:ination)?|test|study|procedure))?"
    rf"|(?:please )?disregard(?: (?:this|the|previous|prior|earlier))*(?: {THING})?"
    r"|duplicate (?:order|report|test|request|exam|study)"
    r"|(?:ordered|scheduled|registered|unverified|received|collected)"
)
_NOT_YET: Final = (
    r"(?:dictation|transcription|interpretation|signature|review|read)(?: (?:is|still)){0,2} (?:pending|awaited"
    r"|in progress)|(?:awaiting|pending)(?: (?:final|pathologist|physician|attending))*"
    rf" (?:dictation|transcription|interpretation|signature|review|read|{THING})"
    r"|no (?:dictation|interpretation|text|narrative|formal (?:report|interpretation))"
    r"(?: (?:available|required|needed|recorded|provided))?(?: ?[-:(] ?outside (?:films?|images?|stud(?:y|ies)))?\)?"
    r"|outside (?:films?|images?|stud(?:y|ies))(?: uploaded)? for (?:comparison|reference|storage)(?: only)?"
)
_NOTHING: Final = (
    r"(?:this )?(?:page|sheet)(?: (?:is|was))?(?: left)?(?: intentionally)?(?: left)? blank"
    r"|(?:intentionally )?left blank|blank page|page [0-9]{1,4}(?: ?(?:of|/) ?[0-9]{1,4})?"
    r"|(?:preliminary|draft|unsigned|interim|final)(?: (?:report|document|copy))?"
    r"(?: ?-? ?not for (?:clinical use|release|distribution))?|(?:strictly )?confidential|for internal use only"
)
_PLACE: Final = (
    r"(?:the )?(?:epic|cerner|meditech|allscripts|pacs|e[mh]r|(?:patient )?chart|media(?: tab)?|(?:patient )?portal"
    r"|care ?everywhere|onbase|imaging system)"
)
_ELSEWHERE: Final = (
    rf"(?:{_THINGS}: )?(?:please )?(?:see|refer to|view|check)(?: (?:in|on))? (?:{_PLACE}|(?:the )?(?:notes?|comments?)"
    rf"|below|above)(?: for (?:the )?{_THINGS})?"
    rf"|{_THINGS} (?:(?:is|are) )?(?:available|stored|viewable|located|filed) (?:in|on|at|via|through|under) {_PLACE}"
    rf"|(?:(?:{_THINGS}|tests?|specimen|send ?-?out(?: tests?)?) )?(?:(?:was|were|is|are|has been|have been) )?"
    r"(?:sent|referred|forwarded)(?: out)? to (?:an? |the )?(?:[\w&'-]{1,30} ){0,3}(?:lab(?:s|oratory)?|medicine"
    r"|pathology|genomics|genetics|diagnostics|hospital|clinic)(?:: see (?:separate|attached|scanned) report)?"
    r"|addend(?:um|a) to follow"
    r"|(?:duplicate|merged|combined)(?: (?:order|report|accession))?(?: ?[-:]? ?(?:see|of|with|to|under))"
    r"(?: accession)? #?[A-Z]{0,4}[0-9][\w-]{0,20}"
    r"|https?://\S{4,250}|click (?:here|(?:on )?the link)(?: below)?(?: to (?:view|see|open|read|download)[\w ]{0,40})?"
    r"|(?:embedded )?(?:image|graphic|picture|object)"
    r"|[\w .()#&-]{1,120}\.(?:pdf|tiff?|jpe?g|png|docx?|rtf|html?|xml|dcm|txt|zip)"
)
#: what programs print in place of what they did not fill in or could not show, and what people type to try them
_FAILED: Final = (
    r"undefined|nan|object object|ref|\{\{[^{}]{1,60}\}\}|\$\{[^{}]{1,60}\}|<<[^<>]{1,60}>>|%[a-z_]{3,60}%"
    r"|(?:insert|type|paste) (?:your |the )?(?:report|text|results?|findings|narrative)(?: text)?(?: here)?|report text"
    rf"|(?:the |this )?{_THINGS} (?:is )?too large(?: to (?:display|show|send|convert))?"
    r"|(?:content|format|(?:file|media|document|attachment) type) (?:is )?not supported"
    r"|error:? (?:could not|cannot|unable to|failed to) (?:render|convert|display|load|open|generate|retrieve|find)"
    rf" (?:the )?{_THINGS}"
    r"|please (?:log|sign) ?[io]n to (?:view|see|open|read)[\w ]{0,40}"
    r"|you have (?:received )?(?:an? )?(?:new )?(?:secure|encrypted) (?:e-?mail|message)(?: from [\w .&-]{1,60})?"
    r"|test patient|asdf\w{0,20}|qwerty\w{0,20}|x{3,40}|z{3,40}"
)
#: on top of a document or below it, that it is not to be used
_STAMP: Final = re.compile(
    rf"(?:(?:this|the) )?(?:{OF_WHAT} )*(?:{THING} )?(?:(?:is|was|has been) )?"
    r"(?:void(?:ed)?|(?:entered|issued|filed|posted|scanned|released) in error|retracted|wrong patient|do not use)"
    r"(?:[ -]{1,3}(?:wrong patient|do not use|entered in error))?",
    re.IGNORECASE,
)
_COVER: Final = re.compile(
    r"(?:fax|facsimile)(?: (?:cover|transmission|transmittal))*(?: (?:sheet|page|memo))?|cover (?:sheet|page)",
    re.IGNORECASE,
)
#: a line of such a page
_ADDRESSED: Final = re.compile(
    r"(?:to|from|attn|attention|fax|phone|tel(?:ephone)?|company|organization|department|dept|date|time|pages?"
    r"|no\. of pages|number of pages|total pages|cc|re|subject|sender|recipient|urgent|for review)\b.{0,20}[:#].{0,80}"
    r"|(?:urgent|for review|please (?:comment|reply|recycle)|confidential)",
    re.IGNORECASE,
)
_NOTICE: Final = re.compile(r"\W*(?:confidential(?:ity)?|privacy) (?:notice|statement|warning)\b", re.IGNORECASE)
#: below a cover and its notice, in one text: the report itself
_REPORTS: Final = re.compile(
    r"\b(?:diagnos[ei]s|impression|findings|specimens?|patholog\w{1,6}|\w{0,20}carcinoma|tumou?rs?|metasta\w{1,6}"
    r"|biops(?:y|ies)|assessment|medications?)\b",
    re.IGNORECASE,
)
#: what only introduces another sentence
_HEADING: Final = re.compile(
    rf"(?:{OF_WHAT} )*(?:{THING}|diagnosis|interpretation|impression|comments?)", re.IGNORECASE
)
_KINDS: Final = tuple(
    (flaw, re.compile(words, re.IGNORECASE))
    for flaw, words in (
        (Flaw.UNEXPECTED, _FAILED),
        (Flaw.POINTER, _ELSEWHERE),
        (Flaw.EMPTY, f"{_NO_RESULT}|{_NOT_YET}|{_NOTHING}"),
    )
)


def of_sentence(said: str) -> Flaw | None:
    """What is wrong with a document that says this alone; None: it says something else."""
    return next((flaw for flaw, words in _KINDS if words.fullmatch(said)), None)


def is_heading(said: str) -> bool:
    """Whether it says nothing by itself."""
    return bool(_HEADING.fullmatch(said))


def is_stamp(line: str) -> bool:
    """Whether a line by itself says that the document which it stands on is not to be used."""
    return bool(_STAMP.fullmatch(line))


def is_cover(lines: Sequence[str]) -> bool:
    """Whether it is the page that goes before a fax, and nothing else; a notice ends it, if no report follows."""
    ends = next((place for place, line in enumerate(lines) if _NOTICE.match(line)), len(lines))
    said = lines[:ends]
    rest = [line for line in said if not _COVER.fullmatch(line)]
    if any(map(_REPORTS.search, lines[ends:])):
        return False
    return len(rest) < len(said) and all(map(_ADDRESSED.fullmatch, rest))
