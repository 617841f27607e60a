"""XMP properties in which people describe a photo, and the rules to carry them over.

Names and forms: XMP specification, part 1 and 2 (ISO 16684-1); IPTC Photo Metadata Standard; and
where EXIF and IPTC-IIM say the same (Metadata Working Group, Guidelines 2.0).
"""

from __future__ import annotations

import re

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "mwg-kw": "http://www.metadataworkinggroup.com/schemas/keywords/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
    "expressionmedia": "http://ns.microsoft.com/expressionmedia/1.0/",
    "ics": "http://ns.idimager.com/ics/1.0/",
}

#: By name, how each property is written: as plain text, one text in a language, or a list.
FORMS = {
    "dc:title": "Alt",
    "dc:description": "Alt",
    "dc:rights": "Alt",
    "dc:creator": "Seq",
    "xmp:Label": "text",
    "xmp:Nickname": "text",
    "xmpRights:UsageTerms": "Alt",
    "xmpRights:WebStatement": "text",
    "xmpRights:Marked": "text",
    "xmpRights:Owner": "Bag",
    "exif:UserComment": "Alt",
    "lr:hierarchicalSubject": "Bag",
    "digiKam:TagsList": "Seq",
    "digiKam:CaptionsAuthorNames": "Alt",
    "digiKam:ColorLabel": "text",
    "digiKam:PickLabel": "text",
    "MicrosoftPhoto:LastKeywordXMP": "Bag",
    "mediapro:CatalogSets": "Bag",
    "Iptc4xmpExt:PersonInImage": "Bag",
    "Iptc4xmpExt:Event": "Alt",
    "Iptc4xmpCore:Scene": "Bag",
    "Iptc4xmpCore:SubjectCode": "Bag",
    "Iptc4xmpCore:AltTextAccessibility": "Alt",
    "photoshop:SupplementalCategories": "Bag",
    **dict.fromkeys(
        (
            "Iptc4xmpCore:Location", "Iptc4xmpCore:CountryCode", "Iptc4xmpCore:IntellectualGenre",
            "photoshop:Headline", "photoshop:City", "photoshop:State", "photoshop:Country",
            "photoshop:Credit", "photoshop:Source", "photoshop:Instructions", "photoshop:Category",
            "photoshop:CaptionWriter", "photoshop:AuthorsPosition", "photoshop:Urgency",
            "photoshop:TransmissionReference",
        ),
        "text",
    ),
}  # fmt: skip

#: What no person noted, in namespaces in which people do.
TECHNICAL = frozenset(
    {
        "dc:format", "dc:type", "dc:subject", "dc:date", "dc:language", "dc:identifier",
        "photoshop:DateCreated", "photoshop:ColorMode", "photoshop:ICCProfile",
        "photoshop:SidecarForExtension", "photoshop:LegacyIPTCDigest", "photoshop:History",
        "photoshop:EmbeddedXMPDigest", "photoshop:DocumentAncestors", "photoshop:TextLayers",
        "MicrosoftPhoto:Rating", "MicrosoftPhoto:DateAcquired", "digiKam:ImageUniqueID",
        "digiKam:ImageHistory", "lr:weightedFlatSubject", "lr:privateRTKInfo",
        "Iptc4xmpExt:DigitalSourceType",
    }
)  # fmt: skip

#: Namespaces in which anything may be what a person noted.
NOTED = frozenset(
    {
        "dc", "photoshop", "xmpRights", "lr", "Iptc4xmpCore", "Iptc4xmpExt", "plus", "digiKam",
        "MicrosoftPhoto", "MP", "mwg-rs", "mwg-kw", "acdsee", "mediapro", "expressionmedia", "ics",
    }
)  # fmt: skip

#: EXIF tags of the main directory, and what says the same in XMP. The first counts.
EXIF = {
    0x9C9B: "dc:title",  # XPTitle
    0x010E: "dc:description",  # ImageDescription
    0x9C9C: "dc:description",  # XPComment
    0x9C9F: "dc:description",  # XPSubject
    0x013B: "dc:creator",  # Artist
    0x9C9D: "dc:creator",  # XPAuthor
    0x8298: "dc:rights",  # Copyright
}
XP_KEYWORDS, USER_COMMENT = 0x9C9E, 0x9286

#: Data sets of IPTC-IIM's second record.
IPTC = {
    5: "dc:title",
    120: "dc:description",
    80: "dc:creator",
    116: "dc:rights",
    105: "photoshop:Headline",
    90: "photoshop:City",
    92: "Iptc4xmpCore:Location",
    95: "photoshop:State",
    101: "photoshop:Country",
    110: "photoshop:Credit",
    115: "photoshop:Source",
    40: "photoshop:Instructions",
    122: "photoshop:CaptionWriter",
    103: "photoshop:TransmissionReference",
}

#: Keywords of PNG's text chunks.
PNG = {
    "Title": "dc:title",
    "Description": "dc:description",
    "Author": "dc:creator",
    "Copyright": "dc:rights",
    "Comment": "exif:UserComment",
}

#: Beginnings of keywords under which programs write of the file, not of what it shows. Whatever
#: else is written in a PNG, such as the prompt that a picture was made from, somebody may want.
PNG_TECHNICAL = (
    "software", "source", "disclaimer", "warning", "creation time", "date:", "exif:", "xmp:",
    "png:", "tiff:", "icc:", "thumb::", "raw profile", "xml:com.adobe.xmp", "signature",
    "timestamp",
)  # fmt: skip

# What cameras write into every photo.
_BOILERPLATE = (
    "digital camera", "sony dsc", "samsung", "dcim", "exif_jpeg", "default", "picture",
    "untitled", "minolta", "olympus", "dsc", "ascii", "jpeg", "image description",
)  # fmt: skip


# What programs write into the comment of a JPEG or a GIF.
_PROGRAM = re.compile(
    r"(?i)creator|created|generat|gimp|gd-jpeg|lavc|lead tech|jpeg|applemark|optimi[sz]|compress"
    r"|software|photoshop|acd ?see|imagemagick|quality|version|https?:|\bxv\b|resize|file source"
)


def is_of_a_program(comment: str) -> bool:
    """Tell whether the comment of a file is one that programs write, or none at all."""
    return is_boilerplate(comment) or not comment.isprintable() or bool(_PROGRAM.search(comment))


def is_boilerplate(text: str) -> bool:
    """Tell whether a description is one that cameras write, or none at all."""
    folded = text.strip().strip("\0").casefold()
    return not folded or folded in _BOILERPLATE or folded.endswith("digital camera")
