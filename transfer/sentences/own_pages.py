"""All that the pages of patient and referring office say, in one list, so that it can be translated as it stands.

Each is a whole sentence or a label. None has a blank to fill: whoever shows it puts the name or the day beside it.
Plain English: a test holds how hard they are to read.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from transfer.case import Stage

#: how far the case is, by its stage
STAGES: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.REFERRED: "Your doctor asked for a second opinion.",
        Stage.GATHERING: "We ask for your records, one by one.",
        Stage.PACKING: "Your records are here. We get them ready to send.",
        Stage.SENDING: "We are sending your records now.",
        Stage.DELIVERED: "Your records are with the doctors who give the second opinion.",
        Stage.CLOSED: "This is done. Nothing more will be sent.",
    }
)

OWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        # the way in
        "name": "Your records",
        "intro": "Type the code of our letter, and the birth date of the patient.",
        "open": "Show my page",
        "code": "Code of the letter",
        "code_hint": "Twelve letters and digits, such as K7Q4-9M2P-4TXW. There is no 0, O, 1, I, L or U in it",
        "born": "Birth date of the patient",
        "born_hint": "For example 4 30 1957",
        "needs_code": "Type the code of the letter",
        "needs_born": "Type the birth date",
        "wrong_code": "One sign of the code is wrong. Look at the letter again",
        "no_such": "The code and the birth date do not fit, or the code is too old",
        "help": "Does it not work? Call the number on the letter.",
        # how it stands
        "how": "How it stands",
        "for": "Second opinion from",
        "nothing_to_do": "You need not do anything.",
        "for_you": "What waits for you",
        "stopped": "You stopped it. We send nothing. If you want us to go on, call us.",
        "after_stop": "What was sent before cannot be called back.",
        "sent": "What was sent, and to whom",
        "sent_to": "Sent to",
        "sent_at": "On",
        "sent_nothing": "We have sent nothing yet.",
        # what can be done
        "do": "What you can do",
        "pin_title": "One more step",
        "pin_intro": "To send or sign, you need a PIN. We told it to you on the phone. To stop, you need none.",
        "pin": "PIN",
        "pin_hint": "Eight digits",
        "pin_go_on": "Go on",
        "pin_none": "You have no PIN, or it does not work? Call the number on the letter.",
        "needs_pin": "Type the PIN",
        "wrong_pin": "This PIN does not work",
        "send": "Send us a signed form or papers",
        "send_intro": "Take a photo of each page, or choose a file. You can send a signed form, letters or reports.",
        "send_disc": "For a disc (CD), call us. We tell you where to bring it.",
        "files": "Photos or files",
        "files_hint": "PDF, TIFF, JPEG or PNG. At most 20 at a time, and less than 20 MB in all",
        "send_now": "Send",
        "needs_files": "Choose a photo or a file",
        "wrong_files": "Choose a PDF, TIFF, JPEG or PNG file",
        "empty_files": "One of the files is empty. Choose them again",
        "thanks": "Thank you",
        "have_it": "We have what you sent. A person will look at it.",
        "reference": "Our number for it",
        "back": "Back to your page",
        "stop": "Stop sending my records",
        "stop_hint": "We stop at once. You can let us go on later.",
        "form_sign": "Sign the form here",
        "form_title": "Form that lets us ask for and send your records",
        "form_intro": "Read the form. Then type your name at the end to sign it.",
        "form_patient": "Patient",
        "form_what": "What may be sent",
        "form_records": "All my medical records",
        "form_by": "Who may send them",
        "form_to": "Who may get them",
        "form_for": "What for",
        "form_purpose": "My care: a second opinion",
        "form_until": "It holds until",
        "form_revoke": "You can take this form back at any time, on your page or in a letter to us.",
        "form_condition": "Your care, and what you pay for it, do not depend on this form.",
        "form_redisclose": "Who gets your records may pass them on. Then this law may not protect them.",
        "form_special": "Some records need a form of their own by law. This form does not let us send those.",
        "form_paper": "You need not sign here. You can sign on paper and send us a photo.",
        "form_kind": "Your typed name and the tick are your signature. The law calls it an electronic signature.",
        "form_kept": "We keep the form as you see it, your name, the time, and the network address you sign from.",
        "form_more": "A hospital, or the law of your state, may ask for more than a typed name. Then sign on paper.",
        "form_by_you": "Signed by",
        "form_on": "Signed on",
        "form_copy": "This is your copy. Print it, or keep it as a file.",
        "form_tick": "I have read the form, and I sign it by typing my name",
        "form_sign_now": "Sign the form",
        "form_signed": "Your form is signed. We ask for your records now.",
        "form_signed_stopped": "Your form is signed. You told us to stop, so we send nothing. We will call you.",
        "other_name": "Type your name as it stands in the form",
        "take_back": "Take my form back for good",
        "take_back_intro": "You signed a form that lets us send your records. You can take it back at any time.",
        "take_back_follows": "We then ask for nothing and send nothing. To begin again, you sign a new form.",
        "take_back_left": "What was sent before cannot be called back.",
        "take_back_words": "I take back my form. Do not ask for my records, and do not send them.",
        "sign": "Type your full name. It counts as your signature",
        "needs_sign": "Type your full name",
        "sure": "Before you send it",
        "sure_tick": "I have read what follows from it",
        "needs_sure": "Tick that you have read it",
        "take_back_now": "Take it back",
        "taken_back": "You took your form back. We ask for nothing, and send nothing.",
    }
)
