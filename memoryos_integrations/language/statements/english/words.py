"""The English words that the rules know: work, places, kin, animals, tastes, and what is none of them."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.parts import words

PROFESSIONS: Final = words("""
accountant actor actress actuary adviser advisor analyst animator anthropologist apprentice archaeologist
architect archivist artist astronomer attorney auditor author baker banker barber barista bartender
biochemist biologist bookkeeper bookseller botanist bricklayer broker builder butcher carer caregiver
caretaker carpenter cashier ceo cfo cto chef chemist chiropractor choreographer cleaner clerk coder
cofounder co-founder columnist composer concierge consultant contractor copywriter counsellor counselor
courier curator dentist dermatologist designer detective developer dietician dietitian dispatcher doctor
ecologist economist editor electrician engineer entrepreneur epidemiologist filmmaker firefighter
fisherman florist founder freelancer gardener geneticist geographer geologist goldsmith grocer hairdresser
handyman historian housewife homemaker illustrator immunologist intern interpreter investigator jeweller
jeweler joiner journalist lawyer lecturer librarian lifeguard linguist locksmith machinist manager
marketer mason mathematician mechanic meteorologist microbiologist midwife miner musician nanny
neurologist neuroscientist notary novelist nurse nutritionist optician optometrist painter paralegal
paramedic pastor pathologist pediatrician paediatrician pensioner pharmacist philosopher photographer
physician physicist physiotherapist pianist pilot plasterer plumber podcaster policeman policewoman
politician postdoc postman potter priest producer professor programmer psychiatrist psychologist
psychotherapist publisher radiographer radiologist realtor receptionist recruiter reporter researcher
roofer sailor salesman salesperson saleswoman scientist screenwriter sculptor secretary seamstress
shopkeeper sociologist soldier solicitor statistician steward stewardess stockbroker student subtitler
supervisor surgeon surveyor sysadmin tailor teacher technician technologist therapist trader translator
trucker tutor typesetter undergraduate postgraduate undertaker vet veterinarian violinist waiter waitress
watchmaker welder writer zoologist
""")

WITH_A_KIND: Final = words("""
agent assistant coach conductor controller coordinator counselor director executive inspector instructor
lead officer operator rep representative specialist trainee trainer worker
""")
"""Professions only with a word that says which: a travel agent, but not an agent."""
OF_A_KIND: Final = {
    "driver": words(
        "ambulance bus cab coach crane delivery forklift lorry taxi train tram tractor truck uber van"
    ),
    "owner": words("bakery bar business café cafe company hotel pub restaurant salon shop store studio"),
    "planner": words("city event financial production rota route shift town transport urban wedding"),
    "leader": words("squad team"),
    "tester": words("penetration qa software"),
    "model": words("fashion photo"),
}
"""Professions only with one of these words before them: a bus driver, but not a safe one."""

NO_KIND: Final = words("""
a absolute actual aimless amateur armchair ambitious amazing an and aspiring avid awesome awful bad better
big bit bot born brilliant budding busy careful careless chatty chronic clumsy confused crappy crazy
creative curious decent deep dedicated desperate diligent disciplined drunk dumb eager enthusiastic ex
excellent exceptional expert failed fake fan fantastic fast fellow fictional first former frequent
frustrated future good gifted great happy hard hardworking hell hobby hopeful hopeless horrible huge
humble incredible kind keen kinda lazy lifelong like little lousy lot lucky mediocre mental messy model
morning natural nervous night no nosy not of okay older only opposite or organized passionate passive
patient perfect poor prospective proud quick quitter real regular responsible sad self-proclaimed serious
shitty shy skilled slow smart so-called solid sort struggling stupid such super talented terrible the
theoretical thorough tired total true typical useless very virtual visual wannabe weak wedding_of weekend
whole wonderful worst designated safe new learner role free double secret experienced would-be young your
my
""")
"""Words that, before a profession, say that it is none, or only what somebody is like."""

EMPLOYERS: Final = words("""
academy agency airline business airport archive association bakery bank bar bookshop bookstore brewery
bureau café cafe call_centre call_center care_home charity church cinema clinic college company
consultancy cooperative corporation council court dealership department_store dispensary embassy factory
farm firm foundation gallery garage government grocery_store gym hospice hospital hotel institute
kindergarten kitchen laboratory lab law_firm library magazine manufacturer marketing_agency ministry
museum newspaper ngo non-profit nonprofit nursery nursing_home office organisation organization pharmacy
police_station post_office practice publisher pub publishing_house restaurant retailer salon school shop
start-up startup store studio supermarket surgery theatre theater trust university utility vineyard
warehouse wholesaler winery workshop zoo
""")

TRADES: Final = words("""
academia accounting advertising aerospace agriculture aviation banking biotech catering construction
consulting cybersecurity customer_service customer_support data_science e-commerce education engineering
fashion film finance fintech gaming government healthcare hospitality hr human_resources insurance it
journalism law law_enforcement logistics manufacturing marketing media medicine mining nursing pharma
pharmaceuticals politics pr procurement product_management public_health public_relations publishing
real_estate recruitment renewable_energy research retail robotics sales security shipping social_care
social_work software software_development software_engineering tech telecommunications television tourism
transport web_development
""")

SUBJECTS: Final = words("""
accounting anthropology architecture archaeology art art_history artificial_intelligence astronomy
astrophysics biochemistry biology biomedicine business business_administration chemistry chinese
communication communications computer_science criminology dance data_science dentistry design drama
ecology economics education electrical_engineering civil_engineering mechanical_engineering
chemical_engineering software_engineering engineering english environmental_science fashion_design film
finance fine_arts french game_design genetics geography geology german graphic_design history
industrial_design international_relations italian japanese journalism korean latin law linguistics
literature management marketing maths math mathematics mechatronics medicine microbiology music
neuroscience nursing nutrition pharmacy philosophy photography physics physiotherapy political_science
politics portuguese psychology public_health religion russian science sociology social_work spanish
statistics theatre theology tourism urban_planning veterinary_medicine zoology
""")

LANGUAGES: Final = words("""
afrikaans albanian amharic arabic armenian basque bengali bulgarian cantonese catalan chinese croatian
czech danish dutch english esperanto estonian farsi finnish french galician georgian german greek gujarati
hebrew hindi hungarian icelandic igbo indonesian irish italian japanese kannada korean kurdish latin
latvian lithuanian malay malayalam mandarin marathi nepali norwegian pashto persian polish portuguese
punjabi quechua romanian russian serbian slovak slovenian somali spanish swahili swedish tagalog tamil
telugu thai turkish ukrainian urdu vietnamese welsh yoruba zulu
""")

NATIONALITIES: Final = words("""
afghan albanian algerian american angolan argentine argentinian armenian australian austrian bangladeshi
belgian bolivian bosnian brazilian british bulgarian cambodian cameroonian canadian chilean chinese
colombian croatian cuban cypriot czech danish dominican dutch ecuadorian egyptian english estonian
ethiopian filipino finnish french georgian german ghanaian greek guatemalan hungarian icelandic indian
indonesian iranian iraqi irish israeli italian jamaican japanese jordanian kazakh kenyan korean kuwaiti
latvian lebanese lithuanian malaysian mexican mongolian moroccan mozambican nepalese nepali new_zealander
nigerian norwegian pakistani palestinian peruvian polish portuguese romanian russian rwandan saudi
scottish senegalese serbian singaporean slovak slovenian somali south_african spanish sri_lankan sudanese
swedish swiss syrian taiwanese tanzanian thai tunisian turkish ugandan ukrainian uruguayan venezuelan
vietnamese welsh zimbabwean
""")

PLACES: Final = words("""
afghanistan albania algeria angola argentina armenia australia austria bangladesh belgium bolivia bosnia
brazil bulgaria cambodia cameroon canada chile china colombia croatia cuba cyprus denmark ecuador egypt
england estonia ethiopia finland france germany ghana greece guatemala hungary iceland india indonesia
iran iraq ireland israel italy jamaica japan kenya kuwait latvia lebanon lithuania luxembourg malaysia
malta mexico moldova mongolia morocco mozambique nepal netherlands new_zealand nigeria norway oman
pakistan panama paraguay peru philippines poland portugal qatar romania russia rwanda saudi_arabia
scotland senegal serbia singapore slovakia slovenia somalia south_africa south_korea spain sri_lanka
sweden switzerland syria taiwan tanzania thailand tunisia uae uganda uk ukraine united_kingdom
united_states uruguay us usa venezuela vietnam wales zambia zimbabwe alabama alaska arizona arkansas
california colorado connecticut delaware florida georgia hawaii idaho illinois indiana iowa kansas
kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska
nevada new_hampshire new_jersey new_mexico north_carolina north_dakota ohio oklahoma ontario oregon
pennsylvania quebec rhode_island south_carolina south_dakota tennessee texas utah vermont virginia
washington west_virginia wisconsin wyoming amsterdam athens atlanta auckland austin bangalore bangkok
barcelona beijing berlin birmingham bogota boston brasilia bristol brooklyn brussels bucharest budapest
buenos_aires cairo cape_town chicago copenhagen dallas delhi denver detroit dubai dublin edinburgh
florence frankfurt geneva glasgow hamburg helsinki hong_kong houston istanbul jakarta johannesburg karachi
krakow kyiv lagos leeds lima lisbon liverpool london los_angeles la lyon madrid manchester manila
marseille melbourne miami milan montreal moscow mumbai munich nairobi naples new_delhi new_york
new_york_city nyc osaka oslo ottawa paris perth philadelphia phoenix porto prague rio rio_de_janeiro rome
rotterdam san_diego san_francisco santiago sao_paulo seattle seoul shanghai shenzhen sofia stockholm
sydney taipei tallinn tel_aviv tokyo toronto turin utrecht valencia vancouver vienna vilnius warsaw zagreb
zurich
""")
"""Places that are known in small letters too, and after a comma: lisbon; Springfield, Illinois."""

NO_PLACE: Final = words("""
january february march april may june july august september october november december spring summer autumn
winter poverty android apple chrome christ christmas confluence discord easter emacs excel facebook figma
fear friday github god google gmail hope instagram java javascript jeans jesus jira jupyter linkedin linux
mac monday neovim notion outlook photoshop photoshops powerpoint python reddit saturday slack sql sunday
teams terminal thursday tiktok tuesday twitter vim vs vscode wednesday whatsapp windows word youtube zoom
accounting hr marketing sales support engineering it finance microsoft amazon accenture deloitte ibm
netflix meta oracle intel nvidia kpmg pwc mckinsey mars venus earth narnia hogwarts
""")

NO_NAME: Final = (
    NATIONALITIES
    | PROFESSIONS
    | words("""
monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
september october november december i me mom mum dad mama papa god jesus christian catholic muslim jewish
hindu buddhist atheist protestant mormon sikh european asian african latino latina hispanic arab jew black
white gay lesbian bi trans queer straight single married divorced vegan vegetarian autistic adhd ok okay
fine good great happy sad tired sorry sure glad back here ready done lost bored sick hungry new not now
just so very still also really too pretty all in at on from with the a an my your his her our their this
that it he she we they you no yes one today tomorrow later soon maybe please thanks hello hi hey welcome
interested excited curious worried afraid scared confused stuck busy free alive awake team type gen
generation google crazy old-fashioned whatever anytime taxi superman batman spiderman santa nobody
somebody someone everyone anyone cancer aries taurus gemini virgo libra scorpio sagittarius capricorn
aquarius pisces democrat republican liberal conservative marxist socialist capitalist
""")
)

PARTNERS: Final = words("wife husband partner girlfriend boyfriend fiancé fiancée fiance fiancee spouse")
KIN: Final = words("""
mother mom mum father dad stepmother stepfather stepmom stepdad sister brother sis bro half-sister
half-brother stepsister stepbrother son daughter stepson stepdaughter twin grandmother grandma granny nan
grandfather grandpa grandson granddaughter aunt auntie uncle cousin niece nephew mother-in-law
father-in-law sister-in-law brother-in-law godmother godfather godson goddaughter
""")
FRIENDS: Final = words("""
friend bestie boss manager supervisor colleague coworker co-worker neighbour neighbor roommate flatmate
housemate landlord landlady therapist mentor teammate
""")
PETS: Final = words("""
dog puppy cat kitten rabbit bunny hamster guinea_pig gerbil ferret parrot budgie parakeet canary cockatiel
horse pony donkey goat tortoise turtle snake gecko iguana lizard goldfish hedgehog chinchilla whippet
greyhound labrador poodle beagle corgi dachshund husky terrier spaniel bulldog pug collie border_collie
german_shepherd golden_retriever retriever chihuahua dalmatian rottweiler siamese maine_coon
""")
FOODS: Final = words("""
meat red_meat pork beef chicken fish seafood shellfish shrimp dairy milk cheese eggs gluten wheat bread
sugar nuts peanuts soy mushrooms onions garlic lamb poultry animal_products alcohol coffee caffeine wine
beer
""")
PLAYED: Final = words("""
piano guitar violin viola cello drums bass flute clarinet saxophone sax trumpet trombone harp ukulele
accordion organ banjo oboe harmonica chess tennis football soccer basketball volleyball badminton golf
rugby cricket hockey squash handball table_tennis water_polo baseball softball poker bridge padel go
""")
EVENTS: Final = words("""
interview job_interview exam wedding surgery operation flight appointment marathon race concert recital
presentation thesis_defense graduation graduation_ceremony driving_test check-up checkup scan conference
trip vacation holiday court_date party audition deadline due_date
""")
NO_FIRST: Final = words("""
a an any all both some each every neither either no none one two three another other same option plan
version number monday tuesday wednesday thursday friday saturday sunday answer being so as of about too
more less most many much such doing with for at in on by not up out off down away around over still
together alone near straight next
""")
NO_JOB: Final = words("""
team unit group pair couple rule whole result matter my kid child teenager much hard fast well intended
expected slave dog usual
""")
BEING: Final = words(
    "student undergraduate postgraduate homemaker housewife pensioner founder cofounder co-founder ceo"
)
OF_SOMETHING: Final = words(
    "head chief chair dean director professor lecturer vp president teacher manager ceo cto founder"
)
NO_PET: Final = words(
    "hot toy stuffed robot fake imaginary virtual sea prairie clothes rocking guide dead no big"
)
CHILDREN: Final = words(
    "kid child children son daughter boy girl sister brother sibling niece nephew grandchildren"
)
MARRIED: Final = words("married engaged")
STUDENTS: Final = words("student undergraduate postgraduate")
