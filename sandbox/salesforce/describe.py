"""What the org says about its objects and fields."""

from sandbox.salesforce.fields import Field, SObject
from sandbox.salesforce.schema import OBJECTS, children_of

SOAP_TYPES = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "double": "xsd:double",
    "currency": "xsd:double", "percent": "xsd:double", "date": "xsd:date", "datetime": "xsd:dateTime",
}  # fmt: skip


def object_summary(sobject: SObject, *, base: str) -> dict[str, object]:
    """One object as the list of all objects shows it."""
    address = f"{base}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": sobject.custom,
        "activateable": False,
        "createable": sobject.writable,
        "updateable": sobject.writable,
        "deletable": sobject.writable and sobject.name != "User",
        "undeletable": False,
        "mergeable": False,
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        "searchable": True,
        "layoutable": True,
        "triggerable": True,
        "feedEnabled": False,
        "urls": {
            "sobject": address,
            "describe": f"{address}/describe",
            "rowTemplate": f"{address}/{{ID}}",
        },
    }


def all_objects(*, base: str) -> dict[str, object]:
    summaries = [object_summary(sobject, base=base) for sobject in OBJECTS]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": summaries}


def describe_object(sobject: SObject, *, base: str) -> dict[str, object]:
    """The full description: fields, the lists of children, record types."""
    children = [
        {
            "childSObject": child.name,
            "field": field.name,
            "relationshipName": field.child_relationship,
            "cascadeDelete": field.cascades,
            "restrictedDelete": False,
            "deprecatedAndHidden": False,
        }
        for child, field in children_of(sobject)
    ]
    return {
        **object_summary(sobject, base=base),
        "fields": [describe_field(field) for field in sobject.fields],
        "childRelationships": children,
        "recordTypeInfos": [
            {
                "active": True,
                "available": True,
                "defaultRecordTypeMapping": True,
                "master": True,
                "name": "Master",
                "developerName": "Master",
                "recordTypeId": "012000000000000AAA",
            }
        ],
    }


def describe_field(field: Field) -> dict[str, object]:
    picklist = [
        {
            "value": choice.value,
            "label": choice.label,
            "active": True,
            "defaultValue": choice.value == field.default,
            "validFor": None,
        }
        for choice in field.choices
    ]
    always_set = field.required or field.type == "boolean" or field.name == "SystemModstamp"
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "byteLength": field.length * 3,
        "digits": field.precision if field.type == "int" else 0,
        "precision": 0 if field.type == "int" else field.precision,
        "scale": field.scale,
        "nillable": not (always_set or field.type == "id"),
        "createable": field.createable,
        "updateable": field.updateable,
        "defaultedOnCreate": field.default is not None or field.type == "boolean" or field.name == "OwnerId",
        "defaultValue": field.default,
        "calculated": False,
        "autoNumber": field.autonumber is not None,
        "custom": field.custom,
        "externalId": field.external_id,
        "idLookup": field.id_lookup,
        "unique": field.unique,
        "caseSensitive": field.external_id and field.unique,
        "nameField": field.name in ("Name", "CaseNumber", "OrderNumber", "ContractNumber"),
        "filterable": field.filterable,
        "sortable": field.filterable,
        "groupable": field.filterable and field.type not in ("datetime", "double", "currency", "percent"),
        "aggregatable": field.filterable,
        "permissionable": not field.required and field.custom,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "cascadeDelete": field.cascades,
        "picklistValues": picklist,
        "restrictedPicklist": field.restricted,
        "dependentPicklist": False,
        "htmlFormatted": False,
        "deprecatedAndHidden": False,
        "inlineHelpText": None,
    }
