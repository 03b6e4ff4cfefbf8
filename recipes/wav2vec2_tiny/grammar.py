"""Telephone talk as a grammar: word lists, and templates whose `{slots}` are filled from them.

Written from general knowledge of telephone systems, banks and conference bridges; no line was
taken from the corpus. `texts.py` fills the templates and refuses what a corpus split says.
"""

WORDS = {
    "digit": "zero one two three four five six seven eight nine".split(),
    "letter": list("abcdefghijklmnopqrstuvwxyz"),
    "nato": (
        "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november "
        "oscar papa quebec romeo sierra tango uniform victor whiskey x-ray yankee zulu"
    ).split(),
    "symbol": (
        "dash,dot,slash,star,pound,asterisk,ampersand,plus,minus,equals,percent,comma,period,"
        "colon,semicolon,space,underscore,hash,at,at sign,exclamation point,question mark,"
        "parenthesis,dollar sign,tilde,caret,backslash,point,quote,bracket,brace,apostrophe"
    ).split(","),
    "day": "monday tuesday wednesday thursday friday saturday sunday".split(),
    "when": (
        "today,tomorrow,yesterday,tonight,this morning,this afternoon,this evening,at noon,"
        "at midnight,last night,next week,later,now,right now,soon,at this time,again,already,"
        "in a moment,shortly,momentarily,immediately,every day,at the moment,later today"
    ).split(","),
    "month": (
        "january february march april may june july august september october november december"
    ).split(),
    "ordinal": (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth "
        "thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth"
    ).split(),
    "key": (
        "one,two,three,four,five,six,seven,eight,nine,zero,star,pound,the star key,the pound key,"
        "any key,the hash key,any other key,one now,two now,zero at any time"
    ).split(","),
    "press": "press,dial,say,enter,push,please press,please dial,touch,hit,choose".split(","),
    "verb": (
        "accept,access,activate,add,adjust,advance,allow,answer,approve,assign,authorize,begin,"
        "block,book,bring,buy,call,call back,cancel,change,charge,check,choose,clear,close,"
        "collect,complete,confirm,connect,contact,continue,control,copy,correct,create,deactivate,"
        "decline,decrease,delete,deposit,dial,disable,discard,disconnect,edit,eject,enable,end,"
        "enter,erase,exit,explain,extend,find,finish,follow,forget,forward,get,give,go to,hang up,"
        "have,hear,help,hold,identify,ignore,include,increase,invite,join,keep,kick,know,leave,"
        "listen to,lock,log into,log out of,look for,lower,make,manage,mark,miss,modify,move,mute,"
        "need,open,order,override,park,pass,pause,pay,pick up,place,play,play back,prepare,press,"
        "print,process,provide,pull,push,raise,reach,read,receive,reconnect,record,redial,refuse,"
        "register,reject,release,remember,remove,rename,repeat,replace,reply to,report,request,"
        "reset,resume,restart,restore,retrieve,return,review,rewind,run,save,say,schedule,screen,"
        "search,see,select,send,set,set up,share,show,sign,silence,skip,speak to,speak with,spell,"
        "start,stop,store,subscribe to,switch,take,talk to,tell,test,toggle,track,transfer,try,"
        "turn off,turn on,type,unblock,undelete,unlock,unmute,update,use,verify,view,visit,"
        "wait for,walk,want,watch,withdraw,write"
    ).split(","),
    "done": (
        "accepted,activated,added,answered,approved,assigned,blocked,canceled,changed,closed,"
        "completed,confirmed,connected,copied,created,deactivated,deleted,denied,disabled,"
        "disconnected,enabled,ended,erased,established,extended,forwarded,found,identified,joined,"
        "left,limited,locked,lost,marked,moved,muted,opened,parked,paused,placed,processed,"
        "published,received,recorded,registered,rejected,released,removed,renamed,replaced,"
        "reset,restarted,restored,retrieved,saved,scheduled,selected,sent,set,started,stopped,"
        "stored,switched off,transferred,turned off,turned on,unlocked,unmuted,updated,verified"
    ).split(","),
    "adjective": (
        "active,additional,automatic,available,average,bad,big,blank,blind,blue,broken,busy,cold,"
        "clear,closed,complete,confidential,correct,current,daily,dark,dead,default,different,"
        "direct,disabled,dry,early,easy,electric,emergency,empty,enabled,entire,external,extra,"
        "final,first,five minute,forwarded,free,frequent,full,general,good,great,green,happy,hard,"
        "heavy,high,hot,idle,important,incoming,incomplete,incorrect,individual,inside,internal,"
        "international,invalid,large,last,late,latest,light,live,local,long,long distance,loud,"
        "low,main,manual,maximum,minimum,missed,mobile,monthly,muted,new,next,nice,normal,old,"
        "only,open,optional,original,other,outgoing,outside,partial,pending,permanent,personal,"
        "polite,possible,previous,primary,private,proper,protected,public,quick,quiet,ready,real,"
        "recent,recorded,red,regular,remote,required,restricted,right,rude,same,saved,secondary,"
        "secret,secure,separate,short,silent,similar,single,slow,small,special,specific,standard,"
        "strange,successful,sunny,temporary,toll free,total,unavailable,unknown,unlisted,unread,"
        "urgent,usual,valid,virtual,visual,warm,weekly,wet,whole,wireless,wrong,young"
    ).split(","),
    "noun": (
        "access,account,account number,action,address,address book,administrator,agent,air,"
        "airport,alarm,amount,announcement,answer,answering machine,apartment,appointment,area,"
        "area code,assistance,assistant,attempt,attendant,auction,authority,balance,band,bank,"
        "bar,basement,bathroom,battery,beep,bill,billing,block,board,box,branch,bridge,brother,"
        "building,business,button,busy signal,call,call back,call forwarding,call waiting,caller,"
        "caller id,calling card,camera,car,card,cash,cell phone,center,change,channel,charge,"
        "check,checking account,child,choice,circuit,city,clock,cloud,code,comment,company,"
        "complaint,computer,conference,conference bridge,conference number,conference room,"
        "confirmation,connection,contact,control,conversation,copy,corner,cost,country,"
        "country code,credit,credit card,customer,customer service,data,database,date,day,dealer,"
        "debit card,degree,delay,delivery,department,deposit,desk,destination,device,dial tone,"
        "digit,directory,directory assistance,disk,display,distance,doctor,dollar,door,"
        "do not disturb,driver,electricity,elevator,email,emergency,employee,end,engineer,"
        "entrance,entry,equipment,error,evening,event,exit,expense,extension,extension number,"
        "factory,family,fax,fax machine,feature,fee,feedback,file,finger,fire,first name,floor,"
        "folder,form,friend,front desk,function,garage,gate,gateway,greeting,group,guest,guide,"
        "hand,handset,headset,heat,help,help desk,highway,history,hold music,holiday,home,hospital,"
        "hotel,hour,house,hunt group,identity,inbox,incoming call,information,input,instructions,"
        "insurance,internet,invoice,item,job,key,keypad,keyboard,kitchen,lamp,language,last name,"
        "leader,leg,letter,level,light,limit,line,list,living room,loan,lobby,location,lock,"
        "long distance call,lot,machine,mail,mailbox,mailbox number,manager,marketing,maximum,"
        "meeting,member,member number,menu,merchant,message,messages,microphone,minute,minutes,"
        "mistake,mode,moment,money,monitor,month,morning,mortgage,mother,music,name,network,news,"
        "night,noise,note,notice,number,offer,office,officer,operation,operator,option,options,"
        "order,outside line,owner,package,page,pager,park,parking lot,participant,participants,"
        "part,party,pass code,password,pattern,payment,people,percent,period,permission,person,"
        "phone,phone book,phone call,phone number,pin,pin number,place,plan,point,policy,position,"
        "power,preference,presentation,pressure,price,prison,privacy,problem,process,product,"
        "program,project,prompt,protection,provider,purchase,queue,question,radio,rain,rate,"
        "reason,rebate,receipt,receiver,reception,receptionist,record,recording,reference number,"
        "refund,region,relay,reminder,repair,reply,report,representative,request,reservation,"
        "response,result,return call,ring,ringer,road,room,route,row,rule,sale,sales,sample,"
        "satellite,savings account,schedule,school,screen,second,seconds,section,security,"
        "security code,selection,sender,sentence,server,service,session,setting,shift,ship,"
        "shipping,shower,side,signal,silence,sister,site,skill,snow,software,sound,speaker,"
        "speed dial,staff,state,statement,station,status,status report,storage,store,storm,street,"
        "subject,subscriber,subscription,summary,supervisor,support,switch,system,table,task,tax,"
        "team,technical support,technician,telemarketer,telephone,telephone number,television,"
        "temperature,terminal,test,text message,thing,three way call,ticket,time,time zone,tone,"
        "touch tone phone,town,track,traffic,train,transaction,transfer,trip,truck,trunk,tunnel,"
        "unit,user,user name,vacation,value,van,version,video,visitor,voice,voice mail,"
        "voice mail system,volume,wait,wait time,wake up call,wall,warehouse,warning,water,"
        "weather,website,week,weekend,wife,wind,window,wire,word,work,world,yard,year,zip code"
    ).split(","),
    "det": (
        "the,the,the,the,your,your,your,my,this,that,a,a,our,another,each,every,no,any,some,"
        "their,his,her,all of the,one of the,the following,more than one,all,both,its,which"
    ).split(","),
    "prep": (
        "to,from,in,on,at,for,with,of,by,after,before,until,during,without,about,through,over,"
        "into,under,near,against,between,behind,as,like,off,out of,than,inside,via,within"
    ).split(","),
    "pronoun": (
        "he,she,they,we,you,you,i,it,someone,no one,everyone,somebody,nobody,that person,"
        "the person,the caller,the other party,this person,who,all of you,the party"
    ).split(","),
    "aux": (
        "can,cannot,will,will not,must,should,could,would,may,might,do not,did not,would like to,"
        "have to,are going to,want to,wish to,try to,need to,can not,can't,won't,don't,didn't,"
        "just,never,always,is trying to,may not,has to,are about to,used to,were able to"
    ).split(","),
    "be": (
        "is,is not,was,has been,will be,are,are not,were,is currently,is now,is still,have been,"
        "is already,can not be,could not be,has not been,must be,should be,may be,cannot be,"
        "is being,isn't,seems to be,is no longer,was not,would be,has already been,will not be,"
        "does not seem to be,appears to be,is temporarily,is presently,had been,must not be"
    ).split(","),
    "unit": (
        "seconds,minutes,hours,days,weeks,months,years,dollars,cents,degrees,percent,messages,"
        "calls,people,callers,miles,feet,pounds,participants,members,euros,inches,kilometers,"
        "pages,times,new messages,old messages,points,watts,volts,hertz,megabytes,bytes"
    ).split(","),
    "sorry": (
        "i'm sorry,i am sorry,sorry,we're sorry,we are sorry,excuse me,please,thank you,thanks,"
        "congratulations,goodbye,good morning,good afternoon,good evening,hello,hi,welcome,oops,"
        "yes,no,okay,one moment please,attention,warning,error,note,all right,well,oh,hey"
    ).split(","),
    "place": (
        "alabama,alaska,america,arizona,atlanta,australia,austin,boston,california,canada,chicago,"
        "china,colorado,dallas,denver,detroit,england,europe,florida,france,georgia,germany,"
        "hawaii,houston,huntsville,india,ireland,italy,japan,london,los angeles,mexico,miami,"
        "michigan,montreal,new york,north,ohio,oregon,paris,russia,san francisco,seattle,south,"
        "spain,east,west,texas,toronto,utah,virginia,washington,the united states"
    ).split(","),
    "person": (
        "adam,alice,amanda,andrew,anna,barbara,betty,bob,brian,carol,charles,chris,daniel,david,"
        "donna,edward,emily,frank,gary,george,grace,helen,henry,jack,james,jane,jason,jennifer,"
        "jessica,john,joseph,karen,kevin,laura,linda,lisa,margaret,mark,mary,matthew,michael,"
        "nancy,nicole,oliver,patricia,paul,peter,rachel,richard,robert,sandra,sarah,scott,smith,"
        "steve,susan,thomas,tim,walter,wendy,william,mister,missus,jones,brown,johnson,miller"
    ).split(","),
    "connect": "and,or,but,because,when,while,so,then,and then,unless,until,since,before".split(
        ","
    ),
    "ask": "who,what,when,where,why,how,which one,how many,how much,how long".split(","),
    "sayto": (
        "please,to,you may,you can,now,then,would you like to,do you want to,you must,let's,"
        "be sure to,in order to,how do i,remember to,do not,don't,please do not,just,never,"
        "it is time to,feel free to,there is no need to,you are about to,we will,i will"
    ).split(","),
    "polite": (
        "for calling,for holding,for your patience,for your call,for waiting,for your business,"
        "for using our service,for your help,for trying again,for your payment,very much"
    ).split(","),
}

# weight, template
TEMPLATES = [
    (7, "{sayto} {verb} {np}"),
    (5, "{sayto} {verb} {np} {prep} {np}"),
    (8, "to {verb} {np}, {press} {key}"),
    (3, "{press} {key} to {verb} {np}"),
    (3, "for {np}, {press} {key}"),
    (2, "press {key} for {np}, or {key} for {np}"),
    (2, "{press} {number} followed by {key}"),
    (6, "{np} {be} {adjective}"),
    (7, "{np} {be} {done}"),
    (3, "{np} {be} {prep} {np}"),
    (2, "{np} {be} {np}"),
    (6, "{pronoun} {aux} {verb} {np}"),
    (3, "{pronoun} {aux} {verb} {np} {when}"),
    (4, "if {pronoun} {aux} {verb} {np}, {press} {key}"),
    (2, "if {np} {be} {adjective}, {sayto} {verb} {np}"),
    (2, "{verb} {np} {connect} {verb} {np}"),
    (3, "{sorry}, {np} {be} {done}"),
    (3, "{sorry}, {pronoun} {aux} {verb} {np}"),
    (2, "{sorry}, {sayto} {verb} {np}"),
    (1, "thank you {polite}"),
    (2, "welcome to {np} {prep} {np}"),
    (4, "there {be} {number} {unit}"),
    (3, "you have {number} {adjective} {noun} {prep} {np}"),
    (2, "there are {number} {noun} {prep} {np}"),
    (4, "{np} {prep} {np}"),
    (3, "{adjective} {noun}"),
    (3, "{adjective} {noun} {noun}"),
    (3, "{noun} {noun}"),
    (3, "{ask} {be} {np}"),
    (3, "{ask} {aux} {pronoun} {verb} {np}"),
    (2, "{day}, {month} {ordinal}, {year}"),
    (2, "{day} {when} at {clock}"),
    (1, "{month} {ordinal} at {clock}"),
    (2, "it is {clock}"),
    (3, "{number} {unit} {prep} {number} {unit}"),
    (2, "your balance is {number} dollars and {number} cents"),
    (1, "{np} is {number} {unit}"),
    (2, "{person} {aux} {verb} {np} {prep} {place}"),
    (2, "this is {person} {person} from {np} in {place}"),
    (1, "{np} number {number} {be} {done}"),
    (1, "extension {spelled} {be} {adjective}"),
    (1, "{when}, {pronoun} {aux} {verb} {np}"),
    (1, "{verb} {connect} {verb} {when}"),
    (3, "the {noun} you {aux} {verb} {be} {done}"),
    (2, "the {noun} {pronoun} {aux} {verb} {when}"),
]

# What half of a telephone system's prompts are: one word, a number, a few letters.
SHORT = [
    (5, "{number}"),
    (5, "{spelled}"),
    (4, "{letters}"),
    (3, "{natos}"),
    (2, "{mixed}"),
    (2, "{verb}"),
    (3, "{noun}"),
    (2, "{adjective}"),
    (1, "{done}"),
    (1, "{ordinal}"),
    (1, "{symbol} {symbol}"),
    (1, "{prep} {det}"),
    (1, "{det} {noun}"),
    (1, "{connect} {det} {noun}"),
    (1, "{number} {unit}"),
    (1, "{verb} {prep}"),
    (1, "{place}"),
    (1, "{person}"),
    (1, "{sorry}"),
    (1, "{clock}"),
    (1, "{when}"),
    (1, "{aux} {verb}"),
]
